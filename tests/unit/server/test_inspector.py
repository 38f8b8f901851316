"""The inspector over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.server.conftest import ANA_KEY, BEA_KEY, Asking
from tests.unit.store.conftest import TopicEmbeddings, fill, opened
from warmgraph import WarmStore
from warmgraph.recall import ReceiptHub
from warmgraph.server.auth import AuthSettings
from warmgraph.server.inspector import DeploymentAccess
from warmgraph.server.inspector.streaming import receipt_events
from warmgraph.store import RoutedStore

ANA = ["memories", "ana"]
HOME = {"namespace": ANA, "key": "home"}
BEAS = {"namespace": ["memories", "bea"], "key": "safe"}


def recalled(user: str, tier: str = "warm") -> Any:
    return {
        "type": "memory_recall",
        "tier": tier,
        "decision": None,
        "namespace": ["memories", user],
        "keys": [],
        "scores": [],
        "count": 0,
        "tokens": 0,
        "left_out": {},
        "milliseconds": 0.3,
    }


async def test_the_page_is_everybodys_and_its_data_is_not(asking: Asking) -> None:
    """Without a key the page is there, empty; nothing else is."""
    async with asking.client(None) as client:
        page = await client.get("")
        answers = [await client.get(f"/api/{name}") for name in ("me", "namespaces", "memories", "figures", "receipts")]
    assert 200 == page.status_code
    assert "heliotrope" not in page.text
    assert [401] * 5 == [answer.status_code for answer in answers]


async def test_the_page_runs_its_own_script_alone(asking: Asking) -> None:
    """The policy names script and style by their hashes, and nothing is fetched from elsewhere."""
    async with asking.client(None) as client:
        page = await client.get("")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert 2 == len(re.findall("sha256-", policy))
    assert "DENY" == page.headers["x-frame-options"]
    addresses = re.findall(r"(?:src|href)=[\"']?([^\"' >]+)", page.text)
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\son[a-z]+=", page.text)


async def test_callers_see_their_own_namespaces(asking: Asking) -> None:
    """And those below; who may see all sees all but what is ours."""
    names = []
    for key, protected in ((ANA_KEY, True), (BEA_KEY, True), (None, False)):
        async with asking.client(key, protected=protected) as client:
            names.append([each["namespace"] for each in (await client.get("/api/namespaces")).json()["namespaces"]])
    assert [ANA, [*ANA, "notes"]] == names[0]
    assert [["memories", "bea"]] == names[1]
    assert [ANA, [*ANA, "notes"], ["memories", "bea"]] == names[2]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/memories?namespace=memories.bea", None),
        ("GET", "/api/memories?namespace=memories", None),
        ("GET", "/api/memories?namespace=_warmgraph.history", None),
        ("GET", "/api/recall?namespace=memories.bea&query=safe", None),
        ("GET", "/api/memory?namespace=memories.bea&key=safe", None),
        ("GET", "/api/map?namespace=memories.bea", None),
        ("PUT", "/api/memory", {**BEAS, "content": "changed"}),
        ("POST", "/api/undo", BEAS),
        ("DELETE", "/api/memory", BEAS),
    ],
)
async def test_what_is_somebody_elses_is_refused(
    method: str, path: str, body: Any, asking: Asking, store: WarmStore
) -> None:
    """Every request says which namespace, and every namespace is checked."""
    async with asking.client(ANA_KEY) as client:
        answer = await client.request(method, path, json=body)
    assert 403 == answer.status_code
    assert "heliotrope" not in answer.text
    found = store.get(("memories", "bea"), "safe")
    assert found is not None
    assert "My safe opens with heliotrope." == found.value["content"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/memories", None),
        ("GET", "/api/memories?namespace=memories..ana", None),
        ("GET", "/api/memories?namespace=memories.ana&offset=-1", None),
        ("GET", "/api/memories?namespace=memories.ana&limit=100000", None),
        ("GET", "/api/memories?namespace=memories.ana&limit=" + "9" * 5000, None),
        ("GET", "/api/recall?namespace=memories.ana", None),
        ("GET", "/api/figures?minutes=0", None),
        ("PUT", "/api/memory", {**HOME, "content": ""}),
        ("PUT", "/api/memory", {**HOME, "content": {"content": "an object"}}),
        ("PUT", "/api/memory", {"namespace": "memories.ana", "key": "home", "content": "x"}),
        ("PUT", "/api/memory", {"namespace": ANA, "key": 1, "content": "x"}),
        ("PUT", "/api/memory", ["home"]),
        ("DELETE", "/api/memory", {**HOME, "more": "x" * (1 << 20)}),
    ],
)
async def test_bad_requests_are_told_what_was_expected(method: str, path: str, body: Any, asking: Asking) -> None:
    """By a status of 422, and nothing is changed."""
    async with asking.client(ANA_KEY) as client:
        answer = await client.request(method, path, json=body)
        shown = (await client.get("/api/memory", params={"namespace": "memories.ana", "key": "home"})).json()
    assert 422 == answer.status_code
    assert "expected" in answer.json()["detail"]
    assert "I live in Lisbon." == shown["item"]["content"]


async def test_requests_of_other_sites_and_forms_are_refused(asking: Asking) -> None:
    """A page of somebody else's can neither read nor write, though the browser would send it."""
    async with asking.client(None, protected=False) as client:
        across = await client.get("/api/namespaces", headers={"sec-fetch-site": "cross-site"})
        form = await client.request("DELETE", "/api/memory", content='{"a": 1}', headers={"content-type": "text/plain"})
    assert [403, 422] == [across.status_code, form.status_code]


async def test_an_edit_is_history_and_can_be_undone(asking: Asking) -> None:
    """What a memory said before stays, until the memory is forgotten; then all of it is gone."""
    where = {"namespace": "memories.ana", "key": "home"}
    async with asking.client(ANA_KEY) as client:
        for text in ("I live in Porto.", "I live in Braga."):
            assert {"became": "changed"} == (await client.put("/api/memory", json={**HOME, "content": text})).json()
        shown = (await client.get("/api/memory", params=where)).json()
        assert "I live in Braga." == shown["item"]["content"]
        assert ["I live in Lisbon.", "I live in Porto."] == [past["content"] for past in shown["history"]]
        assert {"role": "user", "trust": 1.0}.items() <= shown["item"]["provenance"].items()

        assert {"undone": True} == (await client.post("/api/undo", json=HOME)).json()
        shown = (await client.get("/api/memory", params=where)).json()
        assert "I live in Porto." == shown["item"]["content"]
        assert {"became": "unchanged"} == (
            await client.put("/api/memory", json={**HOME, "content": "I live in Porto."})
        ).json()

        assert {"forgotten": True} == (await client.request("DELETE", "/api/memory", json=HOME)).json()
        assert 404 == (await client.get("/api/memory", params=where)).status_code
        assert 404 == (await client.put("/api/memory", json={**HOME, "content": "x"})).status_code


async def test_an_edit_keeps_what_others_changed_meanwhile(asking: Asking, store: WarmStore) -> None:
    """Of two people who edit different fields, both are right."""
    shown = {"city": "Lisbon", "pet": "cat"}
    await store.aput(("memories", "ana"), "facts", {"kind": "Facts", "content": {**shown, "pet": "dog"}})
    change = {"namespace": ANA, "key": "facts", "base": shown, "content": {**shown, "city": "Porto"}}
    async with asking.client(ANA_KEY) as client:
        await client.put("/api/memory", json=change)
    found = store.get(("memories", "ana"), "facts")
    assert found is not None
    assert {"city": "Porto", "pet": "dog"} == found.value["content"]


async def test_memories_come_in_pages_with_their_tier(asking: Asking) -> None:
    """The newest first; a recall makes a namespace warm, and the page says so."""
    async with asking.client(ANA_KEY) as client:
        page = (await client.get("/api/memories?namespace=memories.ana&limit=1")).json()
        rest = (await client.get("/api/memories?namespace=memories.ana&limit=1&offset=1")).json()
        found = (await client.get("/api/recall?namespace=memories.ana&query=Where+do+I+live")).json()
    assert ([True, False], ["1", "home"]) == (
        [page["more"], rest["more"]],
        [page["items"][0]["key"], rest["items"][0]["key"]],
    )
    assert ["home"] == [item["key"] for item in found["items"]]
    assert found["decision"]["reason"]
    assert "warm" == found["items"][0]["tier"]


async def test_items_of_other_tools_are_shown_as_they_are(asking: Asking, store: WarmStore) -> None:
    """Whatever a value is; and what has no content cannot be edited."""
    await store.aput(("memories", "ana"), "odd", {"likes": ["tea"]})
    async with asking.client(ANA_KEY) as client:
        shown = (await client.get("/api/memory?namespace=memories.ana&key=odd")).json()["item"]
        refused = await client.put("/api/memory", json={**HOME, "key": "odd", "content": {"likes": []}})
    assert ({"likes": ["tea"]}, False) == (shown["content"], shown["editable"])
    assert 422 == refused.status_code


async def test_figures_count_what_is_ones_own(asking: Asking, hub: ReceiptHub) -> None:
    """Hits, misses and latencies; figures of the store are for those who may see all."""
    for event in (recalled("ana"), recalled("ana", "long_term"), recalled("bea")):
        hub.publish(event)
    async with asking.client(ANA_KEY) as client:
        own = (await client.get("/api/figures")).json()
    async with asking.client(None, protected=False) as client:
        all_there_is = (await client.get("/api/figures")).json()
    assert (1, 1, None, 0.3) == (own["hits"], own["misses"], own["store"], own["p50"])
    assert (2, 1) == (all_there_is["hits"], all_there_is["misses"])
    assert 3 == all_there_is["store"]["long_term"]["items"]
    assert 2 == sum(each["hits"] for each in all_there_is["intervals"])


async def test_a_memory_that_fails_is_told_by_its_type(asking: Asking, store: WarmStore) -> None:
    """The page says that memory failed, and quotes nobody."""
    store.close()
    async with asking.client(ANA_KEY) as client:
        answer = await client.get("/api/memories?namespace=memories.ana")
    assert (503, "memory failed with StoreClosedError") == (answer.status_code, answer.json()["detail"])


async def test_the_map_of_a_store_without_vectors_goes_by_words(asking: Asking) -> None:
    """It says so, and a question has its place."""
    async with asking.client(ANA_KEY) as client:
        found = (await client.get("/api/map?namespace=memories.ana&query=Lisbon")).json()
    assert ("words", 1, 2) == (found["kind"], len(found["points"]), len(found["query"]))


async def test_receipts_come_as_they_happen_and_only_ones_own(hub: ReceiptHub) -> None:
    """Those that were there first, then new ones from any thread; nobody listens once the page is gone."""
    access = DeploymentAccess(AuthSettings.from_environment({"WARMGRAPH_API_KEYS": f"ana={ANA_KEY}"}))
    viewer = access.viewer({"x-api-key": ANA_KEY})
    assert viewer is not None
    hub.publish(recalled("ana"))
    hub.publish(recalled("bea"))
    hub.publish({"type": "memory_error", "node": "recall", "error": "OSError", "message": "disk full"})
    events = receipt_events(hub, viewer)
    told = [await anext(events), await anext(events)]
    for user in ("bea", "ana"):
        await asyncio.to_thread(hub.publish, recalled(user, "long_term"))
    told.append(await anext(events))
    await events.aclose()
    numbers = [json.loads(event.partition("data: ")[2])["number"] for event in told[1:]]
    assert [1, 5] == numbers
    assert not any("bea" in event for event in told)
    assert 0 == hub.listeners


async def test_the_map_of_a_large_namespace_shows_the_cells_that_a_question_probes(
    tmp_path: Path, hub: ReceiptHub
) -> None:
    """Its codebook as the store has it, the cells of the points, and those near the question."""

    def filled() -> RoutedStore:
        store = opened(tmp_path / "memory.db", TopicEmbeddings())
        fill(store, ("memories", "ana"), range(1_200))
        return store

    with await asyncio.to_thread(filled) as long_term:
        async with Asking(WarmStore(long_term), hub).client(ANA_KEY) as client:
            found = (await client.get("/api/map?namespace=memories.ana&query=50000")).json()
    assert ("codebook", 1_200, 1_200) == (found["kind"], len(found["points"]), found["total"])
    assert found["probed"] == sum(cell["probed"] for cell in found["cells"]) >= 1
    assert 1_200 == sum(cell["size"] for cell in found["cells"])
    assert {point["cell"] for point in found["points"]} <= set(range(len(found["cells"])))
