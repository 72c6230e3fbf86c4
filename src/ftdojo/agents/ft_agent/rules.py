"""The rules of the playbook: which moves a situation calls for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from ftdojo.agents import forecast, practice
from ftdojo.agents.ft_agent import edits, later_steps, moves
from ftdojo.agents.ft_agent.diagnosis import NOISY, PARSED_ENOUGH, describe_headroom
from ftdojo.agents.ft_agent.effects import amount, is_step
from ftdojo.agents.ft_agent.moves import Move
from ftdojo.agents.ft_agent.situation import Situation
from ftdojo.contract.train_config import OUT_OF_TIME

Rule = Callable[[Situation], Iterator[Move]]

CLOSED = 0.1
"""Answers are taken for a closed set where the most frequent one of each sub-task has at least this share of its rows.
"""
CHARS_PER_TOKEN = 2
"""A cautious estimate: answers rarely have fewer characters per token."""


def repair(s: Situation) -> Iterator[Move]:
    """Nothing was evaluated yet because a gate failed, or the training was unstable: take out what made it fail."""
    findings = s.feedback.execution.findings
    codes = {f.code for f in findings if f.severity == "error" or f.code == OUT_OF_TIME}
    evidence = "; ".join(f"{f.code}: {f.message}" for f in findings if f.code in codes)[:400]
    if codes & {"loss_not_finite", "diverged"} or s.of_kind("unstable"):
        yield from moves.scale_train(
            s, evidence or s.of_kind("unstable")[0].evidence, "learning_rate", 0.3, "the loss stays finite and falls"
        )
    if codes & {"over_budget", OUT_OF_TIME}:
        less = 0.5 if s.fits is None else s.fits / forecast.RESERVE
        yield from moves.scale_train(s, evidence, "epochs", less, "the training fits into the budget")
        yield moves.scale_rows(s, evidence, less, "the training fits into the budget")
    if "no_learning" in codes:
        yield from moves.scale_train(s, evidence, "learning_rate", 3.0, "the loss falls at all")
    if codes & {"no_labels", "mostly_truncated"}:
        yield from moves.scale_train(s, evidence, "max_length", 2, "rows keep their completions")
    if "answers_too_long" in codes:
        chars = CHARS_PER_TOKEN * s.observation.task.max_new_tokens
        yield moves.set_recipe(
            s, evidence, "max_completion_chars", chars, "answers end within the task's limit of tokens"
        )
    if "constant_answer" in codes:
        yield moves.set_recipe(s, evidence, "balance", "completion", "the answers of the rows differ")
    if "duplicate_rows" in codes:
        yield moves.set_recipe(s, evidence, "deduplicate", True, "every row is different")
    if "out_of_memory" in codes:
        yield from moves.scale_train(s, evidence, "batch_size", 0.5, "the training fits into memory")


def form(s: Situation) -> Iterator[Move]:
    """Outputs lack the answer's form: no answers to learn from that are too long to be said, and a longer look."""
    limit = s.spec.max_new_tokens
    for found in s.of_kind("truncation"):
        longest = s.feedback.data.label_tokens.max if s.feedback.data else 0
        if longest > limit:
            evidence = f"{found.evidence}; answers in the rows have up to {longest} tokens, outputs are cut at {limit}"
            chars = CHARS_PER_TOKEN * limit
            yield moves.set_recipe(s, evidence, "max_completion_chars", chars, "outputs end before they are cut")
    for found in s.of_kind("truncation", "format", "length_mismatch"):
        yield from later_steps.go_on(s, found.evidence)
        yield from moves.more_rows(s, found.evidence)
        yield from moves.more_passes(s, found.evidence, "outputs have the form and the length of the answers")


def reason(s: Situation) -> Iterator[Move]:
    """Answers have the form and many are wrong: teach the reasoning too, once, where the raw rows have some short
    enough, and a step is so long that it shows which of the two teaches more."""
    used = {edits.values(draft, s.spec).get(edits.RENDERING) for draft in s.tried.values()}
    steps = practice.steps(forecast.estimate_work(s.own, s.observation))
    if edits.RATIONALE not in edits.renderings(s.spec) or edits.RATIONALE in used or steps < practice.LEAST_STEPS:
        return
    shortest = min(s.best.recipe.max_completion_chars, CHARS_PER_TOKEN * s.spec.max_new_tokens)
    changed = [(edits.RENDERING, edits.RATIONALE), ("recipe.max_completion_chars", str(shortest))]
    for found in s.of_kind("missing_rationale"):
        move = moves.compound(
            s,
            edits.apply(s.best, s.spec, changed),
            "the model answers without reasoning because the rows show none",
            found.evidence,
            "fewer wrong answers, longer outputs",
        )
        yield replace(move, is_step=s.can_go_on and not s.takes_all)


def collapse(s: Situation) -> Iterator[Move]:
    """A sub-task gets one answer, whatever is asked: answers drawn evenly, more rows and passes, more of it."""
    for found in s.of_kind("collapse"):
        yield from later_steps.on_top(s, moves.balance(s, found.evidence, "no answer pays by its frequency alone"))
        yield from later_steps.go_on(s, found.evidence)
        yield from moves.more_rows(s, found.evidence)
        yield from moves.more_passes(s, found.evidence, "outputs differ where the questions do")
        yield from later_steps.on_top(s, moves.more_of(s, found.evidence, found.subtask))


def steer(s: Situation) -> Iterator[Move]:
    """The best model learns on without rows that it contradicts, if labels are noisy and it may be asked; and a weak
    sub-task gets a larger share of the rows."""
    if s.can_go_on:
        for found in s.of_kind("noisy_labels"):
            if s.asks_itself:
                yield from later_steps.drop_contradicted(s, found.evidence)
        yield from weak_subtasks(s)


def beyond_right_answers(s: Situation) -> Iterator[Move]:
    """More rows and passes are not shown to pay: the model's own right answers, where samples find more of them than
    one try does, and rewards, where the task allows them; the rows that it has not mastered, where these are the fewer;
    the rows that it does not contradict, where it contradicts some; then pairs of right and wrong answers, where the
    task allows them."""
    level = s.level
    if level is None:
        return
    evidence = (
        f"evaluation: {s.evaluation.score}; a longer training (iteration {level.number}) is not shown to be better"
    )
    found = s.headroom if s.asks_itself else None
    if found is not None:
        evidence += f"; {describe_headroom(found)}"
        if found.pass_k - found.pass_1 >= practice.LEAST_HEADROOM:
            yield from later_steps.own_answers(s, evidence)
            yield from later_steps.rewards(s, evidence)
        if found.mastered_share >= practice.MUCH_MASTERED:
            yield from later_steps.drop_mastered(s, evidence, found.mastered_share)
        if found.contradicted >= NOISY * found.rows > 0:
            yield from later_steps.drop_contradicted(s, evidence)
        if 0 < found.pass_1 < 1:
            yield from later_steps.preferences(s, evidence, "sample")
    if s.feedback.data and min(s.feedback.data.top_completion_by_subtask.values(), default=0.0) >= CLOSED:
        yield from later_steps.preferences(s, evidence, "other_answer")


def continue_training(s: Situation) -> Iterator[Move]:
    """What was paid for is kept: the best model learns on, unless it was over-fit and there are no other rows."""
    if not s.of_kind("over_fit") or moves.has_more_rows(s):
        yield from later_steps.go_on(s, f"evaluation: {s.evaluation.score}, with time left")


def under_fit(s: Situation) -> Iterator[Move]:
    """The loss was still falling: more data if there is some, then more steps, rate and rank."""
    for found in s.of_kind("under_fit"):
        yield from moves.more_rows(s, found.evidence)
        yield from moves.more_passes(s, found.evidence, "the loss falls further, and more answers are right")
        yield from moves.scale_train(s, found.evidence, "learning_rate", 2.0, "the same loss is reached in fewer steps")
        yield from moves.full_weights(s, found.evidence)
        yield from moves.more_rank(s, found.evidence)


def over_fit(s: Situation) -> Iterator[Move]:
    """The held-out loss rose: more rows if there are some, then dropout. Fewer passes only where there were many, or
    where the score is not above the base model's: answers often get better while the loss of the wrong ones rises."""
    for found in s.of_kind("over_fit"):
        yield from moves.more_rows(s, found.evidence)
        yield from moves.dropout(s, found.evidence)
        if s.best.train.epochs > practice.PASSES or not s.above_base:
            yield from moves.scale_train(s, found.evidence, "epochs", 0.5, "the held-out loss stays at its minimum")


def noisy_labels(s: Situation) -> Iterator[Move]:
    """Rows contradict each other: keep one answer a prompt."""
    for found in s.of_kind("noisy_labels"):
        if not s.best.recipe.deduplicate:
            yield moves.set_recipe(s, found.evidence, "deduplicate", True, "the loss falls further")


def weak_subtasks(s: Situation) -> Iterator[Move]:
    """A sub-task lags behind, or hardly occurs: balance its answers if they have the right form, else give it more of
    the rows."""
    for found in s.of_kind("distribution_mismatch", "weak_subtask"):
        if s.evaluation.subtask_parsed[found.subtask] >= PARSED_ENOUGH:
            balanced = moves.balance(s, found.evidence, f"{found.subtask} stops answering by habit")
            yield from later_steps.on_top(s, balanced)
        yield from later_steps.on_top(s, moves.more_of(s, found.evidence, found.subtask))


def explore(s: Situation) -> Iterator[Move]:
    """Nothing is plainly wrong: more of what made the best model, then its neighbours."""
    evidence = f"evaluation: no diagnosis explains what is missing at {s.evaluation.score}"
    yield from moves.more_rows(s, evidence)
    yield from moves.more_passes(s, evidence, "a small gain from longer training")
    yield from moves.full_weights(s, evidence)
    yield from moves.scale_train(s, evidence, "learning_rate", 0.5, "a better minimum with smaller steps")
    yield from moves.scale_train(s, evidence, "learning_rate", 2.0, "a better minimum in the same number of steps")
    yield from moves.more_rank(s, evidence)


def follow(s: Situation) -> Iterator[Move]:
    """Changes that seem to help, too little to be shown one by one: all of them at once, then twice as far."""
    made = [e for e in s.effects.values() if not is_step(e.change)]
    helpful = [e for e in made if max(s.gain(e.change, much) for much in e.trials.values()) > 0]
    if not helpful:
        return
    evidence = "; ".join(map(str, helpful))
    for steps in (1, 2):
        further = [(e.change.key, value) for e in helpful if (value := moves.moved(s, e, steps))]
        draft = edits.apply(s.best, s.spec, further)
        yield moves.compound(
            s, draft, "changes that seemed to help one by one help together", evidence, "the sum of the effects"
        )


def ablate(s: Situation) -> Iterator[Move]:
    """The best draft changed several things at once: take back the one that is least likely to have helped."""
    parent = s.tried.get(s.iteration.plan.parent) if s.iteration.plan else None
    if parent is None or s.iteration.start is not None:
        return
    made = edits.differences(parent, s.best, s.spec)
    gains = {key: s.gain(*amount(key, *pair)) for key, pair in made.items()}
    if len(gains) > 1:
        key = min(gains, key=lambda k: gains[k])
        evidence = "; ".join(str(e) for e in s.effects.values() if s.iteration.number in e.trials)
        draft = edits.apply(s.best, s.spec, [(key, made[key][0])])
        yield moves.compound(
            s, draft, f"the gain of iteration {s.iteration.number} is not due to {key}", evidence, "no loss"
        )


def repeat(s: Situation) -> Iterator[Move]:
    """No other move is left and time is: the seed alone can be worth as much as a good change."""
    yield from moves.other_seed(s, f"evaluation: {s.evaluation.score}, with time left and nothing else to try")


RULES: tuple[Rule, ...] = (
    repair,
    form,
    reason,
    collapse,
    steer,
    beyond_right_answers,
    continue_training,
    over_fit,
    under_fit,
    noisy_labels,
    weak_subtasks,
    explore,
    follow,
    ablate,
    repeat,
)
ATTRIBUTION: tuple[Rule, ...] = (follow, ablate)
"""The rules that rest on measured effects."""
