# ftdojo in a container. Untrusted programs run in bubblewrap inside it, which needs user namespaces:
#   docker build -t ftdojo .
#   mkdir -p runs
#   docker run --rm -it --user "$(id -u):$(id -g)" --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
#     --security-opt systempaths=unconfined -v "$PWD/runs:/ftdojo/runs" ftdojo run examples/support_tickets --budget 10m
# Not as root: root's sandbox needs the right to mount (SYS_ADMIN), which containers do not have.
# For a GPU add --gpus all and build with --build-arg TORCH_INDEX=… (an index with builds of torch for CUDA)
FROM python:3.12-slim-bookworm
RUN apt-get update && apt-get install --no-install-recommends --yes bubblewrap && rm -rf /var/lib/apt/lists/*
WORKDIR /ftdojo
COPY . .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch \
    && pip install --no-cache-dir . ./packages/ftdojo-tasks \
    && ftdojo setup
# For whoever --user names, who has neither a home nor a name here.
RUN mkdir home runs && chmod 1777 home runs
ENV HOME=/ftdojo/home USER=ftdojo FTDOJO_HOME=/ftdojo/home
USER 1000:1000
ENTRYPOINT ["ftdojo"]
CMD ["--help"]
