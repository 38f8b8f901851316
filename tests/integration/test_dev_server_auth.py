"""Authentication on a real `langgraph dev`: everybody is kept to their own, and gets all of that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import pytest

from tests.dev_server import DevServer, project_copy
from tests.integration.dev_server_attacks import DELETIONS, READS, SECRET, TAKEOVERS, Caller, Victim, attempt, said

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

ANA, BEA = "ana-key-0123456789", "bea-key-0123456789"
JWT_SECRET = "a secret for tests that is long enough"
ENVIRONMENT = {
    "WARMGRAPH_API_KEYS": f"ana={ANA},bea={BEA}",
    "WARMGRAPH_JWT_SECRET": JWT_SECRET,
    "WARMGRAPH_JWT_AUDIENCE": "warmgraph",
    "WARMGRAPH_ENV": "production",
}


def token(user: str = "carl", **claims: Any) -> str:
    given = {"sub": user, "aud": "warmgraph", "exp": int(time.time()) + 600, **claims}
    return jwt.encode({name: value for name, value in given.items() if value is not None}, JWT_SECRET, "HS256")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    folder = project_copy(tmp_path_factory.mktemp("auth") / "project")
    module = folder / "graphs" / "memory_agent.py"
    module.write_text(module.read_text().replace('reflection="reflect"', 'reflection="reflect", reflect_after=1'))
    with DevServer(folder, environment=ENVIRONMENT) as running:
        yield running
    assert "BlockingError" not in running.log
    assert "Exception in ASGI application" not in running.log
    assert JWT_SECRET not in running.log
    assert ANA not in running.log


@contextmanager
def caller(server: DevServer, headers: dict[str, str]) -> Iterator[Caller]:
    with server.client(headers) as client, httpx.Client(base_url=server.url, headers=headers, timeout=60) as http:
        yield Caller(client, http)


@pytest.fixture
def ana(server: DevServer) -> Iterator[Caller]:
    with caller(server, {"x-api-key": ANA}) as found:
        yield found


@pytest.fixture
def bea(server: DevServer) -> Iterator[Caller]:
    with caller(server, {"authorization": f"Bearer {BEA}"}) as found:
        yield found


@pytest.fixture(scope="module")
def victim(server: DevServer) -> Victim:
    """Bea, who told the agent the secret, and has an assistant of her own."""
    with caller(server, {"x-api-key": BEA}) as bea:
        thread = bea.client.threads.create(metadata={"owner": "ana", "note": SECRET})["thread_id"]
        state: Any = bea.client.runs.wait(thread, "memory_agent", input=said(f"My safe opens with the word {SECRET}."))
        assert not state.get("memory_errors")
        assistant = bea.client.assistants.create("recall", name=SECRET)["assistant_id"]
        runs = bea.client.runs.list(thread)
        items = bea.client.store.search_items(["memories", "bea"], filter={"role": "user"})["items"]
        return Victim("bea", thread, runs[0]["run_id"], assistant, items[0]["key"])


def belongings(bea: Caller, victim: Victim) -> Any:
    """Return all that the victim has."""
    thread = bea.client.threads.get(victim.thread)
    return (
        sorted((item["key"], str(item["value"])) for item in bea.client.store.search_items([], limit=1000)["items"]),
        {name: thread[name] for name in ("metadata", "values")},
        bea.client.assistants.get(victim.assistant),
        bea.client.assistants.search(metadata={"created_by": "system"}, graph_id="recall"),
        len(bea.client.runs.list(victim.thread)),
    )


@pytest.mark.parametrize("name", READS)
def test_nobody_reads_the_memory_of_somebody_else(name: str, ana: Caller, victim: Victim) -> None:
    """Whichever way it is asked for, another user's word stays with its owner."""
    _, attack = READS[name]
    assert SECRET not in attempt(attack, ana, victim)


@pytest.mark.parametrize("name", [name for name, (shown, _) in READS.items() if shown])
def test_the_owner_reads_it_in_the_same_ways(name: str, bea: Caller, victim: Victim) -> None:
    """The same request gives the owner the word: what refuses the others is who they are."""
    _, attack = READS[name]
    assert SECRET in attempt(attack, bea, victim)


@pytest.mark.parametrize("name", [*TAKEOVERS, *DELETIONS])
def test_nobody_changes_what_is_somebody_elses(name: str, ana: Caller, bea: Caller, victim: Victim) -> None:
    """After another user has tried to overwrite or delete it, everything is as it was."""
    before = belongings(bea, victim)
    told = attempt({**TAKEOVERS, **DELETIONS}[name], ana, victim)
    assert before == belongings(bea, victim), told


def test_namespaces_are_listed_of_the_caller_alone(ana: Caller, bea: Caller, victim: Victim) -> None:
    """However namespaces are asked for, only one's own are named."""
    ana.client.store.put_item(["memories", "ana"], "1", {"content": "mine"})
    asked: list[dict[str, Any]] = [
        {},
        {"prefix": ["memories"]},
        {"prefix": ["memories", "*"]},
        {"prefix": ["*"]},
        {"suffix": ["bea"]},
        {"max_depth": 2},
    ]
    found = [ana.client.store.list_namespaces(limit=1000, **each)["namespaces"] for each in asked]
    assert [[["memories", "ana"]]] * 4 + [[]] + [[["memories", "ana"]]] == found
    for prefix in (["memories", "bea"], ["_warmgraph"]):
        with pytest.raises(httpx.HTTPStatusError, match="not yours"):
            ana.client.store.list_namespaces(prefix=prefix)
    assert [["memories", "bea"]] == bea.client.store.list_namespaces(prefix=["*"])["namespaces"]


def test_nobody_writes_what_is_ours(ana: Caller) -> None:
    """History, watermarks and quarantine are out of reach."""
    for namespace in (["_warmgraph"], ["_warmgraph", "history", "2", "memories", "ana"], ["langgraph"], ["other"]):
        with pytest.raises(httpx.HTTPStatusError, match="not yours"):
            ana.client.store.put_item(namespace, "1", {"content": "x"})


def test_crons_are_of_whoever_made_them(ana: Caller, bea: Caller, victim: Victim) -> None:
    """A cron is seen and deleted by its owner alone, and cannot be made for a thread of somebody else."""
    made = bea.client.crons.create("recall", schedule="0 0 1 1 *", input=said(SECRET), metadata={"owner": "ana"})
    cron: Any = made if "cron_id" in made else bea.client.crons.search()[0]
    assert SECRET not in str(ana.client.crons.search())
    attempt(lambda c, v: c.client.crons.delete(cron["cron_id"]), ana, victim)
    assert [cron["cron_id"]] == [each["cron_id"] for each in bea.client.crons.search()]
    with pytest.raises(httpx.HTTPStatusError, match="not found"):
        ana.client.crons.create_for_thread(victim.thread, "recall", schedule="0 0 1 1 *", input=said("x"))
    bea.client.crons.delete(cron["cron_id"])
    assert [] == bea.client.crons.search()


UNKNOWN = {
    "nothing": {},
    "a wrong key": {"x-api-key": "ana-key-0123456788"},
    "an empty key": {"x-api-key": ""},
    "the name of a user": {"x-api-key": "ana"},
    "Studio's scheme": {"x-auth-scheme": "langsmith"},
    "a key of one user and a key of another": {"x-api-key": ANA, "authorization": f"Bearer {BEA}"},
    "an expired token": {"authorization": f"Bearer {token(exp=int(time.time()) - 60)}"},
    "a token that never expires": {"authorization": f"Bearer {token(exp=None)}"},
    "a token for somebody else's service": {"authorization": f"Bearer {token(aud='other')}"},
    "a token for nobody": {"authorization": f"Bearer {token(aud=None)}"},
    "a token without a user": {"authorization": f"Bearer {token(sub=None)}"},
    "a token of another key": {
        "authorization": "Bearer "
        + jwt.encode({"sub": "ana", "aud": "warmgraph", "exp": 4_000_000_000}, "x" * 40, "HS256")
    },
    "an unsigned token": {
        "authorization": "Bearer " + jwt.encode({"sub": "ana", "aud": "warmgraph", "exp": 4_000_000_000}, "", "none")
    },
    "basic authentication": {"authorization": "Basic YW5hOmFuYQ=="},
}


@pytest.mark.parametrize("how", UNKNOWN)
def test_who_is_not_known_gets_nothing(how: str, server: DevServer, victim: Victim) -> None:
    """Without a key or a valid token every resource is closed."""
    with httpx.Client(base_url=server.url, headers=UNKNOWN[how], timeout=60) as http:
        answers = [
            http.post("/store/items/search", json={"namespace_prefix": []}),
            http.post("/threads/search", json={}),
            http.get(f"/threads/{victim.thread}/state"),
            http.post("/runs/wait", json={"assistant_id": "recall", "input": said("safe?")}),
            http.post("/assistants/search", json={}),
        ]
    assert [401] * 5 == [answer.status_code for answer in answers]


def test_a_socket_is_closed_to_who_is_not_known(server: DevServer, victim: Victim) -> None:
    """A WebSocket opens for whoever has a key, and for nobody else."""
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.Client(base_url=server.url, headers=upgrade, timeout=60) as http:
        path = f"/threads/{victim.thread}/stream/events"
        answers = [http.get(path, headers=headers) for headers in ({}, UNKNOWN["a wrong key"])]
    assert all(answer.status_code in (401, 403) for answer in answers), answers


def test_a_token_opens_what_is_its_users(server: DevServer) -> None:
    """A signed token with audience and expiry is a user, also one whose id has dots."""
    with caller(server, {"authorization": f"Bearer {token('carl@example.org')}"}) as carl:
        carl.client.runs.wait(None, "memory_agent", input=said("I play the bassoon."))
        found = carl.client.store.search_items(["memories"])["items"]
        assert ["memories", "carl@example%2Eorg"] == found[0]["namespace"]


def test_the_agent_reflects_for_its_user(server: DevServer) -> None:
    """The run that the agent schedules on its own server is its user's: it reads and writes that user's memory."""
    with caller(server, {"authorization": f"Bearer {token('dora')}"}) as dora:
        thread = dora.client.threads.create()["thread_id"]
        state: Any = dora.client.runs.wait(thread, "memory_agent", input=said("I live in Lisbon."))
        assert not state.get("memory_errors")
        [own] = [found["thread_id"] for found in dora.client.threads.search() if found["thread_id"] != thread]
        [run] = dora.client.runs.list(own)
        reflected: Any = dora.client.runs.join(own, run["run_id"])
        assert 2 == reflected["reflected"]
        [fact] = dora.client.store.search_items([], filter={"type": "semantic"})["items"]
        assert ["memories", "dora"] == fact["namespace"]
        assert "Lisbon" in fact["value"]["content"]["content"]


def test_a_user_lives_with_authentication_as_without(ana: Caller) -> None:
    """Threads, runs, assistants and the store work for what is one's own."""
    client = ana.client
    thread = client.threads.create(metadata={"topic": "tea"})["thread_id"]
    client.runs.wait(thread, "memory_agent", input=said("I drink sencha."), context={"user_id": "ana"})
    client.threads.update(thread, metadata={"topic": "coffee"})
    assert {"owner": "ana", "topic": "coffee"}.items() <= client.threads.get(thread)["metadata"].items()  # type: ignore[union-attr]
    assert thread in [found["thread_id"] for found in client.threads.search(metadata={"topic": "coffee"})]
    client.store.put_item(["memories", "ana", "notes"], "1", {"content": "Buy a kettle."})
    assert "Buy a kettle." == client.store.get_item(["memories", "ana", "notes"], "1")["value"]["content"]
    assert "sencha" in str(client.store.search_items(["memories", "ana"], query="sencha"))
    client.store.delete_item(["memories", "ana", "notes"], "1")
    assistant = client.assistants.create("recall", metadata={"created_by": "system"})["assistant_id"]
    client.assistants.update(assistant, name="mine")
    assert "mine" == client.assistants.get(assistant)["name"]
    assert "system" != client.assistants.get(assistant)["metadata"].get("created_by")  # type: ignore[union-attr]
    client.assistants.delete(assistant)
    client.threads.delete(thread)


def test_an_open_server_says_so_in_its_log(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Without settings nobody is asked for a key, and the log warns of it."""
    with DevServer(tmp_path_factory.mktemp("open") / "project") as running, running.client() as client:
        client.store.put_item(["memories", "ana"], "1", {"content": "x"})
        assert [["memories", "ana"]] == client.store.list_namespaces()["namespaces"]
        assert "AUTHENTICATION IS OFF" in running.log


@pytest.mark.parametrize("name", ["production", "prodcution"])
def test_production_does_not_start_unprotected(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Told that it is in production, or something that may mean it, a server without authentication ends."""
    folder = tmp_path_factory.mktemp("refused") / "project"
    with (
        pytest.raises(RuntimeError, match="WARMGRAPH_ENV"),
        DevServer(folder, environment={"WARMGRAPH_ENV": name}),
    ):
        pass
