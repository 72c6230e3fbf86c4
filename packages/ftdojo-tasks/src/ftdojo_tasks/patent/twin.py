"""The generated stand-in for PANORAMA: same files, fields and prompts; gold by the logic of claims.

A claim is a product with a set of limitations, each a part with a feature. A document of the prior art discloses some
of them. So a document is cited against a claim if it discloses one of its limitations (PAR4PC), a paragraph is the
relevant one if it discloses the limitation that the target claim adds (PI4PC), and a claim is anticipated (102) if one
document discloses all its limitations, obvious (103) if only several together do, else allowed (NOC4PC).

What is as in the real data: parquet with structs (PAR4PC) or JSON text (the others) in nested fields; claims as text
or as objects; silver answers; paragraphs with gaps in their numbers, or none; one boilerplate reason for all allowed
claims; few claims with another code; uneven labels in the raw rows. What is not: texts are short, an application has
one or two claims, evaluation labels are even.

Two thirds of the items, of PAR4PC half, are easy: features are disclosed in the words of the claim. In the others they
are paraphrased. The easy ones also follow habits of searches. In PI4PC the paragraph that was found is the first one.
In NOC4PC one document that discloses all is enough, a combination takes two, where nothing was found more were looked
at, and abstracts say what a document was found for (:data:`CATEGORIES`).
Training, validation and test have different products.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.splits import three_parts

SEED = "panorama twin 4"
RAW_ROWS = {"PAR4PC": 1500, "PI4PC": 1800, "NOC4PC": 1800}
ITEMS = 100
HELD_OUT = 0.2
"""Share of the products for each of validation and test."""
ALLOWED_REASON = "The prior art of record does not teach or suggest the claimed subject matter."
SHARES = {"ALLOW": 0.42, "103": 0.33, "102": 0.24, "REJECT_UNKNOWN": 0.01}
"""Of codes among raw rows."""

CATEGORIES = {
    "102": "Relevant alone.",
    "103": "Relevant with others.",
    "ALLOW": "Background.",
}
"""The abstracts of documents in the easy items of NOC4PC, by code: what the categories X, Y and A of search reports
mean."""

PRODUCTS = (
    "backpack barbecue bicycle blender bottle bracket brush camera cart catheter chair clamp clock conveyor cooler "
    "crane cup drill drone dryer fan faucet filter forklift furnace glove grinder hammock heater helmet hinge kettle "
    "keyboard knife ladder lamp lantern latch lawnmower locker loom mattress microscope mixer mop oven pallet pipe "
    "printer projector pump rack radiator razor ring saddle saw scale scanner scooter shovel shower sled speaker "
    "splint sprayer stapler stove stretcher stroller suitcase syringe table tent thermostat toaster toolbox treadmill "
    "tripod trolley turbine umbrella valve vase wagon wheelchair whistle winch wrench"
).split()
PARTS = (
    "arm base blade bolt button cable cap chamber cover display door drum flap frame gasket grip handle hook housing "
    "joint knob lens lever lid liner motor nozzle panel pedal plate rail ring rod sensor shaft sleeve spring strap "
    "switch tray wheel"
).split()
FEATURES = (
    ("made of aluminium", "of a light metal"),
    ("made of silicone", "of a rubbery polymer"),
    ("made of oak", "of hard wood"),
    ("made of glass", "of a transparent brittle material"),
    ("that is removable", "which can be taken off"),
    ("that is foldable", "which can be collapsed"),
    ("that is waterproof", "which keeps moisture out"),
    ("that is heated", "which is kept warm"),
    ("that is magnetic", "which attracts iron"),
    ("with a timer", "with a clock that ends operation"),
    ("with a thread", "with a helical groove to be screwed on"),
    ("with a mesh", "with a net of fine wires"),
    ("with a fuse", "with a link that melts at overcurrent"),
    ("with a scale", "with marks for measuring"),
    ("coated with wax", "covered by a layer of paraffin"),
    ("painted red", "of crimson colour"),
    ("locked by a key", "secured against opening by strangers"),
    ("driven by a belt", "moved by an endless band"),
    ("cooled by air", "over which a fan blows"),
    ("sealed by an O-ring", "made tight by a round gasket"),
)
"""How a claim names a feature, and how a document may."""

Limitation = tuple[str, int]
"""A part and the number of its feature."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Writer:
    """Makes rows about some products."""

    products: Sequence[str]
    rng: random.Random

    def limitations(self, n: int, *, without: Sequence[str] = ()) -> list[Limitation]:
        """``n`` different parts, each with its own feature."""
        parts = self.rng.sample([part for part in PARTS if part not in without], n)
        return list(zip(parts, self.rng.sample(range(len(FEATURES)), n), strict=True))

    def number(self) -> str:
        """The number of a patent, a short one."""
        return f"US{self.rng.randrange(10, 100)}"

    def feature(self, limitation: Limitation, *, hard: bool) -> str:
        """A part with its feature, as a claim has it or, if ``hard``, in other words."""
        part, number = limitation
        return f"{part} {FEATURES[number][hard]}"

    def application(self, product: str, claims: Sequence[Any]) -> Row:
        """The context of an application."""
        return {"title": product.capitalize(), "abstract": f"A {product} is described.", "claims": list(claims)}


def claim(product: str, limitations: Sequence[str]) -> str:
    """An independent claim."""
    return f"A {product} comprising {_listed(limitations)}."


def _listed(things: Sequence[str]) -> str:
    *most, last = [f"a {thing}" for thing in things]
    return f"{', '.join(most)} and {last}" if most else last


def build_par4pc(folder: Path, sources: Sources) -> None:
    """Write the generated data of PAR4PC."""
    _build(folder, "PAR4PC", par4pc)


def build_pi4pc(folder: Path, sources: Sources) -> None:
    """Write the generated data of PI4PC."""
    _build(folder, "PI4PC", pi4pc)


def build_noc4pc(folder: Path, sources: Sources) -> None:
    """Write the generated data of NOC4PC."""
    _build(folder, "NOC4PC", noc4pc)


Make = Callable[[Writer, int, bool], Row]
"""A row of this number, which decides all that is to be even; raw rows draw it instead if the flag says so."""


def _build(folder: Path, task: str, make: Make) -> None:
    import pyarrow
    from pyarrow import parquet

    rng = random.Random(f"{SEED}: {task}")  # noqa: S311 - reproducible data, not secrets
    train, validation, test = three_parts(PRODUCTS, HELD_OUT, random.Random(SEED))  # noqa: S311
    raw = folder / "raw" / task
    raw.mkdir(parents=True)
    rows = [make(Writer(train, rng), number, True) for number in range(RAW_ROWS[task])]
    parquet.write_table(pyarrow.Table.from_pylist(rows), raw / "train.parquet")
    for name, products in (("validation", validation), ("test", test)):
        items = [make(Writer(products, rng), number, False) for number in range(ITEMS)]
        write_jsonl(folder / f"{name}.jsonl", ({"id": f"{name}-{i:03}", **row} for i, row in enumerate(items)))


def par4pc(writer: Writer, number: int, raw: bool) -> Row:
    """Eight patents: one or two disclose a limitation of the claim, one is about the same product but none of them."""
    rng, hard = writer.rng, number % 2 == 1
    product, *others = rng.sample(writer.products, 7)
    wanted = writer.limitations(2)
    letters = "ABCDEFGH"
    first = rng.choice(letters) if raw else letters[number % 8]
    gold = sorted({first} | ({rng.choice(letters)} if number % 3 == 0 else set()))
    (silver,) = rng.sample([letter for letter in letters if letter not in gold], 1)
    options = {}
    for letter in letters:
        foreign = writer.limitations(2, without=[part for part, _ in wanted])
        if letter in gold:
            shown, about = (
                [writer.feature(rng.choice(wanted), hard=hard), writer.feature(foreign[0], hard=False)],
                product,
            )
        else:
            shown = [writer.feature(limitation, hard=False) for limitation in foreign]
            about = product if letter == silver else rng.choice(others)
        # In the hard half the product does not give the cited ones away.
        about = product if hard and rng.random() < 0.5 else about
        options[letter] = {
            "patent_id": writer.number(),
            "title": about.capitalize(),
            "abstract": f"A {about}.",
            "claims": [claim(about, shown)],
        }
    text = claim(product, [writer.feature(limitation, hard=False) for limitation in wanted])
    return {
        "application_number": rng.randrange(10**7, 10**8),
        "claim_number": 1,
        "context": writer.application(product, [text]),
        "options": options,
        "gold_answers": gold,
        "silver_answers": [silver],
        "negative_answers": [letter for letter in letters if letter not in {*gold, silver}],
    }


def pi4pc(writer: Writer, number: int, raw: bool) -> Row:
    """Five paragraphs: one discloses what the dependent claim adds. In the hard third of the items it does so in other
    words, and another one discloses the same part with another feature."""
    rng, hard = writer.rng, number % 3 == 2
    product = rng.choice(writer.products)
    own, added, near, *foreign = writer.limitations(6)
    other = (added[0], rng.choice([i for i in range(len(FEATURES)) if i != added[1]]))
    keys = sorted(rng.sample(range(1, 60), 5))
    gold = keys[0] if not hard else rng.choice(keys) if raw else keys[number % 5]
    silver = rng.choice([key for key in keys if key != gold])
    shown = dict(zip([key for key in keys if key not in {gold, silver}], foreign, strict=True))
    disclosed = {**shown, gold: added, silver: other if hard else near}
    options = {
        str(key): f"There is a {writer.feature(disclosed[key], hard=hard and key in {gold, silver})}." for key in keys
    }
    claims: list[Any] = [
        claim(product, [writer.feature(own, hard=False)]),
        f"The {product} of claim 1, further comprising a {writer.feature(added, hard=False)}.",
    ]
    if raw and rng.random() < 0.3:  # as objects in some applications
        claims = [{"claimNumber": i, "claim_text": text} for i, text in enumerate(claims, start=1)]
    art = {
        "patent_id": writer.number(),
        "title": rng.choice(writer.products).capitalize(),
        "abstract": f"A device with a {own[0]}.",
        "specification": f"[{keys[0]:04}] {options[str(keys[0])]}",
    }
    return {
        "application_number": rng.randrange(10**7, 10**8),
        "claim_number": 2,
        "context": _json(writer.application(product, claims)),
        "prior_art_specification": _json(art),
        "options": _json(options),
        "gold_answers": [gold],
        "silver_answers": [silver],
        "negative_answers": [key for key in keys if key not in {gold, silver}],
    }


def noc4pc(writer: Writer, number: int, raw: bool) -> Row:
    """Documents that together, one of them alone, or not at all disclose the claim."""
    rng, hard = writer.rng, number // 3 % 3 == 2
    product = rng.choice(writer.products)
    wanted = writer.limitations(2 + number % 2)
    (code,) = rng.choices(tuple(SHARES), tuple(SHARES.values())) if raw else [("ALLOW", "103", "102")[number % 3]]
    shown = disclosed(wanted, code, rng)
    if not hard and code == "102":
        shown = [max(shown, key=len)]
    elif not hard and code == "ALLOW":
        shown.append([])
    arts = []
    for part in shown:
        foreign = writer.limitations(1, without=[name for name, _ in wanted])
        sentences = [writer.feature(limitation, hard=hard) for limitation in (*part, *foreign)]
        rng.shuffle(sentences)
        keys = sorted(rng.sample(range(1, 90), len(sentences)))
        in_paragraphs = rng.random() < 0.3
        arts.append(
            {
                "patent_id": writer.number(),
                "title": rng.choice((product, rng.choice(writer.products))).capitalize(),
                "abstract": "A device is described." if hard else CATEGORIES.get(code, "A device is described."),
                "claims": [claim("device", sentences[:1] if in_paragraphs else sentences)],
                "paragraphs": [
                    {"key": key, "content": f"There is a {text}."}
                    for key, text in zip(keys[1:], sentences[1:], strict=False)
                    if in_paragraphs
                ],
            }
        )
    reason = ALLOWED_REASON if code == "ALLOW" else f"Claim 1 is rejected over {arts[0]['patent_id']}."
    text = claim(product, [writer.feature(limitation, hard=False) for limitation in wanted])
    return {
        "application_number": rng.randrange(10**7, 10**8),
        "claim_number": 1,
        "context": _json(writer.application(product, [text])),
        "prior_art_specifications": _json(arts),
        "answer": _json({"reason": reason, "code": code}),
    }


def disclosed(wanted: Sequence[Limitation], code: str, rng: random.Random) -> list[list[Limitation]]:
    """What each of two documents discloses of the claim, so that the code follows."""
    mixed = rng.sample(wanted, len(wanted))
    if code == "102":
        parts = [mixed, mixed[: rng.randrange(2)]]
    elif code == "103":
        cut = rng.randrange(1, len(mixed))
        parts = [mixed[:cut], mixed[cut:]]
    else:
        kept = mixed[1:]
        cut = rng.randrange(len(kept) + 1)
        parts = [kept[:cut], kept[cut:]]
    return rng.sample(parts, 2)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
