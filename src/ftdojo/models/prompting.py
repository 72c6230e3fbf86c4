"""A base model with the run's settings for prompts: its chat template with a fixed date, thinking on or off, or another
template.

The settings are written into the template of a folder that otherwise links to the model's files. That folder is the
base model of the run. So training, every engine, grading and the exported model have the same prompts.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ftdojo import digest
from ftdojo.contract.options import Thinking
from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.models import template as templates
from ftdojo.models.chat import load_tokenizer
from ftdojo.models.form import Form
from ftdojo.models.info import MANIFEST, SAVED

TEMPLATE = "chat_template.jinja"
TOKENIZER = "tokenizer_config.json"


def set_prompting(
    model: Path, cache: Path, *, thinking: Thinking = "auto", chat_template: str | None = None
) -> tuple[Path, Thinking]:
    """Return the folder of a model whose prompts have these settings, and what was set for thinking.

    It is ``model`` itself if nothing in its template changes. Thinking is ``auto`` if the template has no form for
    reasoning, or none to turn it off; a template in which an earlier run has written its setting keeps that.

    Args:
        model: the folder of the model.
        cache: the folder below which the other folder is made.
        thinking: whether the model reasons before it answers.
        chat_template: the name or the text of a template to use in place of the model's own.

    Raises:
        UsageError: if thinking is to be on and the template has no form for it, or the model cannot be read.
    """
    own = own_template(model)
    text = templates.BUILT_IN.get(chat_template, chat_template) if chat_template else own
    if not text:
        return model, "auto"  # Chat refuses a model without a template
    pinned = templates.pin_date(text)
    setting = templates.read_setting(pinned)
    if setting == "auto" and thinking != "auto":
        pinned, setting = _with_thinking(pinned, thinking, model)
    return (model if pinned == own else _folder(model, pinned, cache)), setting


def own_template(model: Path) -> str:
    """Return the chat template in the files of a model; empty if it has none."""
    try:
        if (model / TEMPLATE).is_file():
            return (model / TEMPLATE).read_text("utf-8")
        found = json.loads((model / TOKENIZER).read_text("utf-8")).get("chat_template") or ""
        if isinstance(found, list):  # several by name
            named = {one["name"]: one["template"] for one in found}
            found = named.get("default") or next(iter(named.values()), "")
        return str(found)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"the chat template of {model} cannot be read: {error}", fix=SAVED) from None


def _with_thinking(template: str, thinking: Thinking, model: Path) -> tuple[str, Thinking]:
    """Return the template with thinking turned on or off, and what was set."""
    refused = f"the chat template of {model} has no form for thinking"
    if not templates.knows_thinking(template):
        if thinking == "on":
            raise UsageError(refused, fix="leave --thinking out, or choose a model that reasons")
        return template, "auto"
    tokenizer = load_tokenizer(model)
    switched = templates.switch_thinking(template, thinking)
    form, default = Form(switched, tokenizer), Form(template, tokenizer)
    if thinking == "on":
        if form.closes_thinking:
            raise UsageError(refused, fix="leave --thinking out, or choose a model that reasons")
        return templates.write_setting(switched, "on"), "on"
    if form.opens_thinking:
        assert form.marks is not None
        switched = templates.extend_prompt(switched, f"\n{form.marks[1]}\n\n")
    elif not form.closes_thinking and form.head:
        switched = templates.extend_prompt(switched, form.head)
    elif form.example == default.example:
        return template, "auto"
    return templates.write_setting(switched, "off"), "off"


def _folder(model: Path, template: str, cache: Path) -> Path:
    """Return a folder with the files of a model, as links, and this chat template."""
    config = _without_template(model / TOKENIZER)
    written = {TEMPLATE, MANIFEST} if config is None else {TEMPLATE, MANIFEST, TOKENIZER}
    files = sorted(path for path in model.iterdir() if path.name not in written)
    name = digest.of_value([str(model.absolute()), [path.name for path in files], template, config])
    folder = cache / "models" / "prompting" / name
    if folder.is_dir():
        return folder
    with disk_errors(cache):
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
        for path in files:
            (making / path.name).symlink_to(path.absolute())
        (making / TEMPLATE).write_text(template, "utf-8")
        if config is not None:
            (making / TOKENIZER).write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
        try:
            making.rename(folder)
        except OSError:  # another process has made it
            shutil.rmtree(making)
    return folder


def _without_template(path: Path) -> dict[str, Any] | None:
    """Return the settings of a tokenizer without the template that older files have in them; ``None`` if there is no
    such file, or no template in it."""
    config: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return config if config.pop("chat_template", None) else None
