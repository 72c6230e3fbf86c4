"""The transport over the network: any provider that pydantic-ai knows, or any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from typing import TYPE_CHECKING, Any

from ftdojo.contract.call import Fault, Message, Usage
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.llm.bounded import (
    BoundedTransport,
    RedirectedError,
    TooLongError,
    estimate_usage,
    hide_secrets,
    require_address,
)
from ftdojo.llm.transport import Answer, Request, Transport

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model

FORM = "answer"
"""The name of a schema, which providers require."""
_REJECTED = {400, 404, 405, 415, 422, 501}
_DENIED = {401, 402, 403}


def connect(name: str, *, base_url: str | None = None) -> Transport:
    """Create a transport to the model ``name`` (``provider:model``); keys come from the provider's usual variables.

    Args:
        name: e.g. ``openai:gpt-5.2``, ``anthropic:claude-opus-4-5``, ``google:gemini-3-pro``.
        base_url: address of an OpenAI-compatible server (vLLM, llama.cpp, Ollama …); the provider is then ``openai``,
            and a key is sent only if ``OPENAI_API_KEY`` is set.

    Raises:
        UsageError: if the name is no model of a known provider, or the address is invalid.
        PrerequisiteError: if the provider's package or key is missing.
    """
    provider, _, model = name.partition(":")
    if not provider or not model:
        raise UsageError(f"'{name}' is not a planner", fix="write playbook, or PROVIDER:MODEL, e.g. openai:gpt-5.2")
    return _NetworkTransport(
        name, _connect_compatible(provider, model, base_url) if base_url else _connect_provider(name), base_url or ""
    )


def _connect_compatible(provider: str, model: str, base_url: str) -> Model:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    if provider != "openai":
        raise UsageError(
            f"--base-url speaks OpenAI's protocol, '{provider}' does not", fix=f"write openai:{model} with --base-url"
        )
    client = AsyncOpenAI(
        base_url=require_address(base_url),
        api_key=os.environ.get("OPENAI_API_KEY") or "none",
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(transport=BoundedTransport(), follow_redirects=False),
    )
    # Servers other than OpenAI's know only the older of the two names for the answer's length limit.
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAIChatModel(model, provider=OpenAIProvider(openai_client=client), profile=profile)


def _connect_provider(name: str) -> Model:
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model

    try:
        return infer_model(name)
    except ImportError as error:
        provider = name.partition(":")[0]
        raise PrerequisiteError(
            f"the client library of '{provider}' is missing: {error}", fix=f"pip install 'pydantic-ai-slim[{provider}]'"
        ) from None
    except UserError as error:  # an unknown provider, or no key
        fix = "write PROVIDER:MODEL with a provider that pydantic-ai knows, and set its key in the environment"
        key = re.search(r"[A-Z_]+_API_KEY", str(error))
        reason = f"{key[0]} is not set" if key else " ".join(str(error).split())[:300]
        raise PrerequisiteError(
            f"'{name}' cannot be used: {reason}", fix=f"export {key[0]}=…" if key else fix
        ) from None
    except ValueError as error:
        raise UsageError(f"'{name}' cannot be used: {error}", fix="e.g. openai:gpt-5.2") from None


class _NetworkTransport:
    """A pydantic-ai model as a :class:`~ftdojo.llm.transport.Transport`.

    Its connections belong to one event loop, so requests from all threads run in the loop of this object.
    """

    def __init__(self, name: str, model: Model, place: str) -> None:
        self.model, self.place, self._model = name, place, model
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, request: Request) -> Answer:
        from pydantic_ai.direct import model_request

        chars = sum(len(message.content) for message in request.messages)
        asked = model_request(
            self._model,
            _history(request.messages),
            model_settings=_settings(request),
            model_request_parameters=_parameters(request),
        )
        try:
            # The client's own time-out applies to each read: a server that sends slowly would never exceed it.
            within = asyncio.wait_for(asked, request.timeout_s)
            response = asyncio.run_coroutine_threadsafe(within, self._running()).result()
            reply = hide_secrets(response.text or "")
        except Exception as error:  # noqa: BLE001 - an untrusted reply can make its parser raise anything
            fault = _fault(error)
            # A request that was cut off during its answer may have cost its input; a refused one has not.
            cut = fault.kind in ("timeout", "unreadable")
            return Answer(None, fault, estimate_usage(Usage(), prompt_chars=chars, reply_chars=0) if cut else Usage())
        return Answer(reply, None, estimate_usage(_usage(response), prompt_chars=chars, reply_chars=len(reply)))

    def _running(self) -> asyncio.AbstractEventLoop:
        """The event loop; the first request starts a thread that runs it."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name=f"requests to {self.model}", daemon=True).start()
            return self._loop


def _usage(response: ModelResponse) -> Usage:
    """The usage of a call as the server reports it."""
    used = response.usage
    if not used.input_tokens and not used.output_tokens:
        return Usage()
    return Usage(input_tokens=used.input_tokens, output_tokens=used.output_tokens, cost_usd=_cost(response))


def _history(messages: list[Message]) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, SystemPromptPart, TextPart, UserPromptPart

    made: list[ModelMessage] = []
    for message in messages:
        if message.role == "assistant":
            made.append(ModelResponse(parts=[TextPart(message.content)]))
        else:
            part = SystemPromptPart if message.role == "system" else UserPromptPart
            made.append(ModelRequest(parts=[part(message.content)]))
    return made


def _settings(request: Request) -> Any:
    settings: dict[str, Any] = {"max_tokens": request.max_tokens, "timeout": request.timeout_s}
    if request.temperature is not None:
        settings["temperature"] = request.temperature
    if request.seed is not None:
        settings["seed"] = request.seed
    if request.mode == "json_object":
        settings["extra_body"] = {"response_format": {"type": "json_object", "schema": request.schema}}
    return settings


def _parameters(request: Request) -> Any:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition

    if request.mode != "json_schema" or request.schema is None:
        return None
    output = OutputObjectDefinition(json_schema=request.schema, name=FORM)
    return ModelRequestParameters(output_mode="native", output_object=output)


def _fault(error: BaseException) -> Fault:
    from pydantic_ai.exceptions import ModelHTTPError

    message = _without_secrets(" ".join(str(error).split()))[:500]
    if isinstance(error, ModelHTTPError):
        status = error.status_code
        if status == 429:
            return Fault(kind="rate_limit", message=message, retry_after_s=_retry_after(error))
        kind = "rejected" if status in _REJECTED else "denied" if status in _DENIED else "server"
        return Fault(kind=kind, message=message)
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, TooLongError | RedirectedError):
            kind = "unreadable" if isinstance(cause, TooLongError) else "rejected"
            return Fault(kind=kind, message=str(cause))
    names = [type(cause).__name__ for cause in causes]
    if any(isinstance(cause, TimeoutError) for cause in causes) or any("Timeout" in name for name in names):
        return Fault(kind="timeout", message=message or "no answer in time")
    lost = any(isinstance(cause, OSError) for cause in causes) or any("Connect" in name for name in names)
    return Fault(kind="connection" if lost else "unreadable", message=message)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(found) < 10:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _retry_after(error: BaseException) -> float | None:
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", {})
        try:
            return max(0.0, float(headers.get("retry-after", "")))
        except ValueError:
            continue
    return None


def _without_secrets(text: str) -> str:
    """Remove keys from ``text``: the values of variables that hold one, and the parts that providers show."""
    return " ".join(
        "***" if word.strip("'\".,").startswith(("sk-", "sk_")) else word for word in hide_secrets(text).split(" ")
    )


def _cost(response: ModelResponse) -> float:
    """Cost in dollars, by the public price list included in pydantic-ai; 0 for models that are not on it."""
    try:
        return float(response.cost().total_price)
    except (LookupError, AssertionError):
        return 0.0
