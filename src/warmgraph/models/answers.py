"""What the offline model says: it quotes memories, takes note, greets, and admits what it does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from warmgraph.memory_block import MemoryLine
from warmgraph.models.facts import extract_facts
from warmgraph.models.matching import Match, best_matches, is_assistant
from warmgraph.models.sentences import content_words, is_question, split_sentences, straighten

__all__ = ["ABOUT", "NOTHING", "answer", "is_own_answer"]

ABOUT = (
    "I am the offline model of warmgraph: no language model, but a small program that answers from what you told it"
    " before, and quotes it. With OPENAI_API_KEY set, a real model answers instead."
)
NOTHING = "I remember nothing about that."
_CLOSEST = "I do not remember that exactly. The closest I have:"
_BEYOND = "That is beyond me: I am the offline model of warmgraph, and only answer from what I remember."
_ASK = "Tell me something about yourself, or ask me what you told me before."
_OVERVIEW = "This is what I remember:"
_OVERVIEW_LIMIT = 8
_SEARCH_WORDS = 2  # so few words, and no fact among them, may be a search rather than a statement
_LONGEST_QUOTE = 300  # characters


def answer(text: str, memories: Sequence[MemoryLine], history: Sequence[MemoryLine] = ()) -> str:
    """Answer a message from memories and from what was said earlier in the conversation.

    Args:
        text: The user's message.
        memories: Recalled memories, best first.
        history: Earlier messages of the same conversation, oldest first.

    Returns:
        An answer that quotes whatever matches. The same arguments always give the same answer.

    Example:
        >>> memories = [MemoryLine("I live in Lisbon.", role="user", said_at="2026-11-20T09:30:00+00:00")]
        >>> print(answer("Where do I live?", memories))
        You told me on 20 November 2026: "I live in Lisbon."
        >>> print(answer("I moved to Porto.", memories))
        Noted: "I moved to Porto."
    """
    lines = [line for line in (*memories, *history) if not (is_assistant(line) and is_own_answer(line.text))]
    small_talk = _small_talk(text, lines)
    if small_talk is not None:
        return small_talk
    sentences = split_sentences(text)
    questions = [sentence for sentence in sentences if is_question(sentence)]
    stated = [sentence for sentence in sentences if not is_question(sentence) and not _is_greeting(sentence)]
    if stated and _ORDER.match(straighten(stated[0])):
        matches = best_matches(text, lines)
        return "\n\n".join([_BEYOND, *([_quotes(matches, lines)] if matches else [])])
    parts = [_take_note(" ".join(stated), lines)] if stated else []
    parts += [_reply(question, lines) for question in questions]
    return "\n\n".join(dict.fromkeys(parts))


def is_own_answer(text: str) -> bool:
    """Tell whether a text is an answer of the offline model, which is no news and never quoted.

    Example:
        >>> is_own_answer('Noted: "I live in Lisbon."'), is_own_answer("Lisbon is lovely in spring.")
        (True, False)
    """
    return _OWN.match(text) is not None


def _small_talk(text: str, lines: Sequence[MemoryLine]) -> str | None:
    plain = straighten(text).strip()
    if not plain:
        return f"{ABOUT} {_ASK}"
    if _is_greeting(plain):
        name = _latest_name(lines)
        return f"Hello, {name}! {_ASK}" if name else f"Hello! {ABOUT} {_ASK}"
    if _THANKS.fullmatch(plain):
        return "You are welcome."
    if _FAREWELL.fullmatch(plain):
        return "Goodbye! I will remember."
    if _WHO_ARE_YOU.search(plain):
        return ABOUT
    if _WHAT_DO_YOU_KNOW.search(plain):
        return _overview(lines)
    return None


def _is_greeting(sentence: str) -> bool:
    return _GREETING.fullmatch(straighten(sentence).strip()) is not None


def _latest_name(lines: Sequence[MemoryLine]) -> str | None:
    told = [line for line in lines if not is_assistant(line)]
    told.sort(key=lambda line: line.said_at or "")
    names = [fact.value for line in told for fact in extract_facts(line.text) if fact.attribute == "name"]
    return names[-1] if names else None


def _take_note(stated: str, lines: Sequence[MemoryLine]) -> str:
    words = content_words(stated)
    if not words:
        return f"All right. {_ASK}"
    facts = extract_facts(stated)
    if len(words) <= _SEARCH_WORDS and not facts:
        matches = best_matches(stated, lines)
        if matches and matches[0].sure:
            return _quotes(matches, lines)
    names = [fact.value for fact in facts if fact.attribute == "name"]
    welcome = f"Nice to meet you, {names[0]}. " if names else ""
    return f"{welcome}Noted: {_quote(stated)}"


def _reply(question: str, lines: Sequence[MemoryLine]) -> str:
    matches = best_matches(question, lines)
    return _quotes(matches, lines) if matches else NOTHING


def _quotes(matches: Sequence[Match], lines: Sequence[MemoryLine]) -> str:
    by_name = len({line.author for line in lines if line.author and not is_assistant(line)}) > 1
    quoted = [f"{_source(match.line, by_name)}: {_quote(' '.join(match.sentences))}" for match in matches]
    return "\n".join(quoted if matches[0].sure else [_CLOSEST, quoted[0]])


def _overview(lines: Sequence[MemoryLine]) -> str:
    told: dict[str, MemoryLine] = {}
    for line in lines:
        statements = [sentence for sentence in split_sentences(line.text) if _says_something(sentence)]
        if statements and not is_assistant(line):
            told.setdefault(" ".join(statements), line)
    if not told:
        return "I remember nothing yet."
    listed = [f"- {_quote(text)}{_when(line, ' ({})')}" for text, line in list(told.items())[:_OVERVIEW_LIMIT]]
    return "\n".join([_OVERVIEW, *listed])


def _says_something(sentence: str) -> bool:
    return not is_question(sentence) and not _is_greeting(sentence)


def _source(line: MemoryLine, by_name: bool) -> str:
    if is_assistant(line):
        return f"I said{_when(line, ' on {}')}"
    if line.author and (by_name or not line.role):
        return f"{line.author} said{_when(line, ' on {}')}"
    if line.role:
        return f"You told me{_when(line, ' on {}')}"
    return f"My notes say{_when(line, ' ({})')}"


def _when(line: MemoryLine, form: str) -> str:
    if line.said_at is None:
        return ""
    try:
        said_at = datetime.fromisoformat(line.said_at)
    except ValueError:
        return form.format(line.said_at)
    return form.format(f"{said_at.day} {_MONTHS[said_at.month - 1]} {said_at.year}")


def _quote(text: str) -> str:
    if len(text) > _LONGEST_QUOTE:
        text = f"{text[:_LONGEST_QUOTE].rsplit(' ', 1)[0]} ..."
    return '"{}"'.format(" ".join(text.split()).replace('"', "'"))


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_CALL = r"(?:\s*,?\s*(?:there|again|all|everyone|warmgraph|assistant))?"
_GREETING = re.compile(
    rf"(?:hi+|hello+|hey+|howdy|greetings|good\s+(?:morning|afternoon|evening|day)|ol[aá]|hola|bonjour|hallo|ciao)"
    rf"{_CALL}[\s!.,]*(?:how\s+are\s+you(?:\s+\w+)?\s*\??)?",
    re.IGNORECASE,
)
_THANKS = re.compile(r"(?:(?:ok|okay|great|cool),?\s+)?(?:thanks?|thank\s+you|thx|cheers)\b[\w\s,]{0,20}[.!]*", re.I)
_FAREWELL = re.compile(r"(?:good\s?bye|bye(?:\s+bye)?|see\s+you|good\s+night)\b[\w\s,]{0,15}[.!]*", re.IGNORECASE)
_WHO_ARE_YOU = re.compile(
    r"^\W*(?:who|what)\s+are\s+you\b|\bwhat\s+can\s+you\s+do\b|\bare\s+you\s+(?:an?\s+)?(?:real|ai|bot|llm|chatgpt|gpt)\b"
    r"|\bwhat(?:'s|\s+is)\s+your\s+name\b|^\W*(?:which|what)\s+model\s+are\s+you\b",
    re.IGNORECASE,
)
_WHAT_DO_YOU_KNOW = re.compile(
    r"\bwhat\s+(?:else\s+)?(?:do|can)\s+you\s+(?:know|remember|recall)(?:\s+(?:about|of)\s+me)?\s*[?.!]*$"
    r"|\b(?:what|everything)\s+(?:have\s+)?(?:I|i)(?:'ve|\s+have)?\s+(?:told|tell|said\s+to)\s+you\s*[?.!]*$"
    r"|\btell\s+me\s+(?:about\s+(?:me|myself)|what\s+you\s+(?:know|remember))(?:\s+about\s+me)?\s*[?.!]*$",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:please\s+|can\s+you\s+|could\s+you\s+|now\s+)*(?:write|translate|summari[sz]e|calculate|compute|explain|create"
    r"|generate|draw|code|implement|fix|search|find|book|order|send|play|compare|describe|list|give\s+me|help\s+me"
    r"|show\s+me|make\s+me)\b",
    re.IGNORECASE,
)
_OWN = re.compile(
    r"(?:Nice to meet you, .{1,80}\. )?Noted: \"|You told me(?: on .{1,40})?: \"|I said(?: on .{1,40})?: \""
    r"|.{1,80} said(?: on .{1,40})?: \"|My notes say(?: \(.{1,40}\))?: \""
    r"|(?:Hello! )?I am the offline model of warmgraph|Hello, .{1,80}! Tell me something about yourself"
    r"|The tool \S+ (?:returned|failed|needs)\b|All right\. Tell me something about yourself|You are welcome\.$"
    r"|Goodbye! I will remember\.$|I remember nothing (?:about that|yet)\."
    + "".join(f"|{re.escape(opening)}" for opening in (_CLOSEST, _BEYOND, _OVERVIEW)),
)
