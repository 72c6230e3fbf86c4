import sys

import ftdojo_llm

answered = []
names = ["strong", "weak", "openai:gpt-5.2", "self:@DIGEST@", "SELF", "self ", "self/../strong", "@MODEL@", "", "*"]
for name in names:
    try:
        answered.append(ftdojo_llm.ask("Is it yes or no?", model=name, max_tokens=4))
    except ftdojo_llm.LlmError as error:
        assert "there is no model" in str(error), error
for extra in ({"base_url": "http://127.0.0.1:@TCP@/v1"}, {"provider": "openai"}, {"path": "@MODEL@"}):
    turns = [{"role": "user", "content": "Is it yes or no?"}]
    try:
        answered.append(ftdojo_llm._request("POST", "/v1/chat/completions", {"model": "self", "messages": turns, **extra}))
    except ftdojo_llm.LlmError as error:
        assert "not supported" in str(error), error
if not answered:
    sys.exit("no other model answered")
