"""Write train.jsonl and eval.jsonl of this example: support tickets made from phrases, with a record for each.

    python make_data.py [--output DIR]

The same files come out on every machine. Training and evaluation share no phrase, no model name, no customer and no
order number. Training rows have the flaws that such data has: some answers are empty, free text, under other keys, in
another layout; some tickets occur twice; some categories are rare. Evaluation answers are clean.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path

TRAIN_ROWS, EVALUATION_ROWS = 1200, 240
REPEATED = 0.04
EMPTY, FREE_TEXT, OTHER_KEYS, OTHER_LAYOUT = 0.04, 0.06, 0.05, 0.10
CATEGORIES = {"defect": 0.36, "delivery": 0.26, "return": 0.15, "billing": 0.13, "question": 0.10}
URGENCIES = {"normal": 0.45, "high": 0.35, "low": 0.20}
WITHOUT_ORDER = 0.3
TYPOS = 0.04


@dataclass(frozen=True)
class Phrases:
    """What the tickets of one file are made of. ``{p}`` is the product, ``{o}`` the order number."""

    products: dict[str, tuple[str, ...]]
    brands: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    urgencies: dict[str, tuple[str, ...]]
    orders: tuple[str, ...]
    prefixes: tuple[str, ...]
    greetings: tuple[str, ...]
    asides: tuple[str, ...]
    goodbyes: tuple[str, ...]


TRAIN = Phrases(
    products={
        "laptop": ("laptop", "notebook", "laptop computer", "gaming laptop", "portable computer"),
        "phone": ("phone", "mobile phone", "smartphone", "dual SIM phone", "handset"),
        "headphones": ("pair of headphones", "pair of earphones", "set of headphones", "earbuds", "stereo headset"),
        "printer": ("printer", "laser printer", "inkjet printer", "label printer", "colour printer"),
        "router": ("router", "wifi router", "wireless router", "travel router", "mesh router"),
        "camera": ("camera", "digital camera", "video camera", "webcam", "dash cam"),
    },
    brands=("Norvik", "Alta", "Pelion", "Quanta", "Brisk", "Halden", "Zephyr", "Tamar"),
    categories={
        "defect": (
            "My {p} stopped working yesterday and does not even turn on any more.",
            "The {p} makes a strange noise and then switches itself off.",
            "There is a crack in the {p} and nothing reacts when I press a button.",
            "Since the last update the {p} crashes every few minutes.",
            "The {p} gets so hot after ten minutes that I have to unplug it.",
            "One side of my {p} is broken, it worked for only two weeks.",
            "The {p} shows error 52 and will not start.",
            "My {p} is dead, no light and no sound.",
            "The battery of the {p} is empty after half an hour.",
            "After one month the {p} has a fault: it loses the connection all day long.",
            "The cover of the {p} came off and a screw is missing.",
            "I pressed every button on the {p} and nothing happens.",
            "Smoke came out of the {p} when I plugged it in.",
            "The {p} hangs at the start and I cannot use it at all.",
            "My {p} is damaged: it fell apart when I lifted it.",
            "The {p} works for a minute, then the screen stays black.",
            "The {p} breaks down again and again.",
            "Two keys of the {p} are stuck since this morning.",
            "The {p} no longer reacts to anything.",
            "My {p} restarts by itself every hour.",
            "The plug of the {p} is burnt.",
            "The {p} arrived in one piece, but it has never worked.",
            "Water drops out of the {p} and it smells burnt.",
            "The {p} has a loose contact and loses power all the time.",
            "The {p} will not charge, whatever cable I use.",
        ),
        "delivery": (
            "I am still waiting for the {p}, it should have been here last week.",
            "The tracking page has not moved for days and there is no sign of my {p}.",
            "The parcel with the {p} was left with a neighbour whom nobody knows.",
            "You promised the {p} for Monday and no courier ever came.",
            "The box arrived but the {p} was not in it.",
            "Where is my {p}? The shipment is marked as lost.",
            "When will the {p} be delivered? I have heard nothing for ten days.",
            "The driver wrote that nobody was at home, but I waited for the {p} all day.",
            "My {p} was sent to my old address.",
            "The package with the {p} has been at customs since Friday.",
            "According to the carrier the {p} was handed over, I did not get anything.",
            "I got an empty parcel in place of the {p}.",
            "The {p} has not come yet, and the delivery date was the third.",
            "Has my {p} left your warehouse already?",
            "The courier put the {p} somewhere and I cannot find it.",
            "The parcel service says that the {p} was received, but not by us.",
            "My {p} is overdue, you wrote that it would be sent in May.",
            "The {p} is stuck in the post.",
            "A neighbour should have the parcel with my {p}, but he knows nothing of it.",
            "I opened the parcel and found everything except the {p}.",
            "The status of the shipment with my {p} has not changed for a week.",
            "Nobody rang, and now the {p} is said to be on its way back to the depot.",
        ),
        "return": (
            "I would like to send the {p} back, it is not what I expected.",
            "Please tell me how to return the {p}, I have not opened it.",
            "I changed my mind about the {p} and want my money back.",
            "The {p} is the wrong colour for us and should go back to you.",
            "I need a return label for the {p}, please.",
            "We do not need the {p} any more, can we give it back?",
            "The {p} was a present and I have one already, so I want to return it.",
            "I withdraw from the purchase of the {p}, please refund me.",
            "Could somebody collect the {p}? I do not like it and will not keep it.",
            "To which address do I send the {p} if I do not want it?",
            "I ordered the {p} by mistake and would like to exchange it.",
            "The {p} is smaller than I thought, please take it back for a refund.",
            "I am not happy with the {p} and would like a refund.",
            "The {p} does not suit us, how can it be returned?",
            "Please cancel my purchase of the {p}, the box is still closed.",
            "I bought the {p} twice, one of them goes back.",
            "Can I give the {p} back within thirty days?",
            "The return slip for the {p} was not in the box.",
            "My wife does not want the {p}, so we are returning it.",
            "I send the {p} back to you unused, please confirm.",
        ),
        "billing": (
            "I was charged twice for the {p}.",
            "The invoice for the {p} shows a higher price than your shop did.",
            "The discount code was not applied when I paid for the {p}.",
            "There is no tax number on the bill for my {p}.",
            "My card was debited for a {p} although I cancelled in time.",
            "Please send me an invoice for the {p}, I need it for my taxes.",
            "You billed me for two, but I bought one {p}.",
            "The payment for the {p} was taken from the wrong account.",
            "My bank statement shows a fee for the {p} that I do not understand.",
            "The name on the receipt for the {p} is wrong, please correct the bill.",
            "I paid for the {p} by transfer and you still send me payment reminders.",
            "The total on the bill for the {p} does not match what I paid.",
            "Why did you take more money than the {p} costs?",
            "The sum on the invoice for the {p} is not correct.",
            "I have not received a receipt for the {p}.",
            "My credit card shows two payments for the same {p}.",
            "We need the invoice for the {p} in the name of our firm.",
            "The refund for the {p} was less than the price on the bill.",
            "You charged shipping for the {p} although it was free.",
            "The price of the {p} on my bill is in the wrong currency.",
        ),
        "question": (
            "Can the {p} be used in other countries, too?",
            "Does the {p} come with a spare cable?",
            "I wonder whether the {p} works together with older equipment.",
            "Could you explain how to change the language on the {p}?",
            "How long is the guarantee of the {p}?",
            "What is the difference between this {p} and last year's?",
            "How do I clean the {p}?",
            "Is there a manual for the {p} in Spanish?",
            "Which accessories fit the {p}?",
            "Where can I find the serial number of the {p}?",
            "How do I update the software of the {p}?",
            "Is the {p} water resistant?",
            "Which cable does the {p} need?",
            "How big is the {p}?",
            "Can I connect the {p} to my old monitor?",
            "How do I bring the {p} back to its first settings?",
            "Does the {p} work with the newest system?",
            "What does the blue light on the {p} mean?",
            "Is it possible to use the {p} outdoors?",
            "How many devices can the {p} work with?",
        ),
    },
    urgencies={
        "normal": ("", "", "Please get back to me.", "Looking forward to your reply.", "Please write to me by mail."),
        "high": (
            "This is urgent, I need a solution today.",
            "Please hurry, I cannot work without it.",
            "I leave for a trip tomorrow morning, so it has to be sorted out at once.",
            "Call me back immediately!",
            "I need an answer right away.",
            "It must be solved within hours, my customers are waiting.",
            "As soon as possible, please, this is critical for me!",
            "My business depends on it, help me now.",
            "This is an emergency.",
            "I need this today, not tomorrow.",
        ),
        "low": (
            "There is no rush at all.",
            "Whenever you have time is fine.",
            "It is not important, take your time.",
            "Next month is early enough for an answer.",
            "I am in no hurry.",
            "This is not urgent.",
            "It can wait until you have time.",
            "You need not answer soon.",
        ),
    },
    orders=(
        "My order number is {o}.",
        "The order was {o}.",
        "It is about order {o}.",
        "Order: {o}.",
        "I bought it under the number {o}.",
        "Order no. {o}.",
        "(Reference: {o})",
    ),
    prefixes=(
        *("KD", "RM", "TS", "VE", "AB", "CX", "DA", "EF", "FO", "HU", "IK", "JP"),
        *("MC", "NY", "OL", "PZ", "QI", "SV", "UT", "WA", "XE", "YR", "ZG", "GN"),
    ),
    greetings=("Hello,", "Hi there,", "Dear support team,", "Good morning,", "", "Hey,"),
    asides=(
        "I have been a customer since 2014.",
        "My customer number is 77120.",
        "It cost 249 euros.",
        "My sister has the same model and is happy with it.",
        "I already looked at your help page.",
        "The weather here is terrible, by the way.",
        "You can reach me under 555 0182 in the evening.",
        "I bought it as a present for my father.",
        "My postcode is 20457.",
        "I wrote to you once before and was content with the answer.",
        "The serial number is 90417.",
        "My contract has the number 5561.",
        "I am registered with you as client 31870.",
        "My ticket from last year was 12093.",
        "My bank account ends in 4402.",
        "The shop in the town sells it for 199 dollars.",
        "Your colleague was very friendly.",
        "My extension is 23.",
    ),
    goodbyes=("Thanks, Maria", "Best regards, T. Olsen", "Kind regards", "Thank you!", "Cheers, Ben", ""),
)

EVALUATION = Phrases(
    products={
        "laptop": ("laptop", "notebook computer", "ultrabook", "business laptop"),
        "phone": ("phone", "cell phone", "mobile", "Android phone"),
        "headphones": ("headset", "pair of wireless headphones", "pair of earbuds", "headphones"),
        "printer": ("printer", "photo printer", "office printer", "thermal printer"),
        "router": ("router", "internet router", "home router", "broadband router"),
        "camera": ("camera", "pocket camera", "action camera", "security camera"),
    },
    brands=("Mistral", "Corvo", "Lumen", "Ostra", "Fjord"),
    categories={
        "defect": (
            "The {p} died this morning, the power light stays dark.",
            "My {p} freezes all the time and I have to restart it again and again.",
            "Something inside the {p} is loose and it no longer does anything.",
            "A button on my {p} fell off and now it is useless.",
            "The {p} does not charge any more.",
            "My {p} is faulty, it turns itself off after a few seconds.",
        ),
        "delivery": (
            "My {p} has not arrived yet although you sent it two weeks ago.",
            "The courier says the {p} was delivered, but nobody here received a parcel.",
            "According to the tracking my {p} is stuck in a depot.",
            "I have waited for the {p} for a week longer than you said.",
            "My neighbour signed for a parcel, yet the {p} was not inside.",
        ),
        "return": (
            "I do not want to keep the {p}, how do I send it back?",
            "The {p} is too big for my desk and I want to return it for a refund.",
            "Please take back the {p}, it is unused and in its box.",
            "We bought one {p} too many and would like to give it back.",
            "I am not content with the {p} and ask for a return slip.",
        ),
        "billing": (
            "You took the money for the {p} two times from my account.",
            "The amount on my invoice for the {p} is wrong.",
            "I never got a bill for the {p} that I paid for.",
            "Why was my credit card charged more than the price of the {p}?",
            "My company needs a corrected invoice for the {p}.",
        ),
        "question": (
            "Which battery does the {p} need?",
            "Is it possible to connect the {p} to a television?",
            "How do I reset the {p} to its factory settings?",
            "Does the {p} support the new standard?",
            "How much does the {p} weigh?",
        ),
    },
    urgencies={
        "normal": ("", "", "I hope to hear from you.", "Please let me know what to do."),
        "high": (
            "It is very urgent, please answer within the hour.",
            "I need this fixed right now because my business depends on it.",
            "Please treat this as an emergency.",
        ),
        "low": (
            "This can wait, there is no hurry.",
            "No need to answer soon.",
        ),
    },
    orders=("You will find it under order {o}.", "The number of my order is {o}.", "(order no. {o})"),
    prefixes=("BW", "GH", "LN", "CE", "RU"),
    greetings=("Good afternoon,", "Hi,", "To whom it may concern,", ""),
    asides=(
        "I have bought from you since 2009.",
        "My account number is 40331.",
        "I paid 189 dollars for it.",
        "A friend recommended your shop to me.",
        "I tried the chat first, but nobody was there.",
        "My telephone number is 555 0147.",
    ),
    goodbyes=("Regards, Ines", "Many thanks, J. Brandt", "Yours, Amir", "Bye", ""),
)


def ticket(phrases: Phrases, rng: random.Random) -> dict[str, str]:
    """One row: a ticket of about 20 to 60 words and its record as JSON text."""
    product = rng.choice(list(phrases.products))
    category = rng.choices(list(CATEGORIES), weights=list(CATEGORIES.values()))[0]
    urgency = rng.choices(list(URGENCIES), weights=list(URGENCIES.values()))[0]
    order = None if rng.random() < WITHOUT_ORDER else f"{rng.choice(phrases.prefixes)}-{rng.randrange(10000, 100000)}"

    name = rng.choice(phrases.products[product])
    if rng.random() < 0.4:
        name = f"{rng.choice(phrases.brands)} {name}"
    sentences = [rng.choice(phrases.categories[category]).format(p=name), rng.choice(phrases.urgencies[urgency])]
    sentences += rng.sample(phrases.asides, rng.randint(1, 2))
    if order:
        written = order if rng.random() < 0.6 else order.lower()
        sentences.append(rng.choice(phrases.orders).format(o=written))
    rng.shuffle(sentences)
    words = " ".join([rng.choice(phrases.greetings), *sentences, rng.choice(phrases.goodbyes)]).split()
    # The words that the record is read from stay readable.
    kept = set(name.split())
    text = " ".join(word if word.strip(".,?!") in kept else misspelt(word, rng) for word in words)
    record = {"product": product, "category": category, "urgency": urgency, "order_id": order}
    return {"ticket": text, "answer": json.dumps(record)}


def misspelt(word: str, rng: random.Random) -> str:
    """Now and then a longer word with two inner letters exchanged."""
    if len(word) < 5 or not word.isalpha() or rng.random() >= TYPOS:
        return word
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def flawed(row: dict[str, str], rng: random.Random) -> dict[str, str]:
    """The row as a real export might have it."""
    record = json.loads(row["answer"])
    chance = rng.random()
    answer = row["answer"]
    if chance < EMPTY:
        answer = ""
    elif (chance := chance - EMPTY) < FREE_TEXT:
        order = f"order {record['order_id']}" if record["order_id"] else "no order number"
        answer = (
            f"The customer writes about a {record['product']} ({record['category']}), {record['urgency']}, {order}."
        )
    elif (chance := chance - FREE_TEXT) < OTHER_KEYS:
        names = {"product": "item", "category": "type", "urgency": "priority", "order_id": "order"}
        answer = json.dumps({names[key]: value for key, value in record.items()})
    elif chance - OTHER_KEYS < OTHER_LAYOUT:
        keys = rng.sample(list(record), len(record))
        answer = f"```json\n{json.dumps({key: record[key] for key in keys}, indent=4)}\n```"
    return {**row, "answer": answer}


def rows(phrases: Phrases, count: int, rng: random.Random) -> list[dict[str, str]]:
    """``count`` rows with different tickets."""
    found: dict[str, dict[str, str]] = {}
    while len(found) < count:
        row = ticket(phrases, rng)
        if 20 <= len(row["ticket"].split()) <= 60:
            found.setdefault(row["ticket"], row)
    return list(found.values())


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent, help="folder for both files")
    folder = parser.parse_args().output
    rng = random.Random(20260101)
    repeated = round(REPEATED * TRAIN_ROWS)
    train = [flawed(row, rng) for row in rows(TRAIN, TRAIN_ROWS - repeated, rng)]
    train += rng.sample(train, repeated)
    rng.shuffle(train)
    for name, content in (("train.jsonl", train), ("eval.jsonl", rows(EVALUATION, EVALUATION_ROWS, rng))):
        with (folder / name).open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in content)


if __name__ == "__main__":
    main()
