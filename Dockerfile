# ftdojo in a container. Untrusted programs run in bubblewrap inside it, which needs user namespaces:
#   docker build -t ftdojo .
#   docker run --rm -it --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
#     --security-opt systempaths=unconfined -v "$PWD/runs:/ftdojo/runs" ftdojo run examples/support_tickets --budget 10m
# For a GPU add --gpus all and build with --build-arg TORCH_INDEX=… (an index with builds of torch for CUDA)
FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install --no-install-recommends --yes bubblewrap make && rm -rf /var/lib/apt/lists/*
WORKDIR /ftdojo
COPY . .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch \
    && pip install --no-cache-dir . ./packages/ftdojo-tasks \
    && ftdojo setup
ENV FTDOJO_HOME=/ftdojo/home
ENTRYPOINT ["ftdojo"]
CMD ["--help"]
