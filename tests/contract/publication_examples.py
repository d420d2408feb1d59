"""Publications to store, and what can happen to them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lora_manager.domain.events import EventName
from lora_manager.domain.publication import Announcement, Publication
from tests.contract.examples import LATER, LEASE, NOW, new_id

Step = Callable[[Publication, datetime], Publication]

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
WORDS = STORABLE | st.sampled_from(["\x00", "\ud800", ""])  # whatever a store may say of a failure
TRAILS = st.dictionaries(WORDS, WORDS, max_size=3)
REVISIONS = st.integers(1, 4) | st.just(2**53)


def a_change(
    lora_id: UUID | None = None,
    revision: int = 1,
    *,
    at: datetime = NOW,
    event: EventName = EventName.UPDATED,
    trail: Mapping[str, str] | None = None,
) -> Announcement:
    """The announcement of a change of this LoRA."""
    return Announcement(lora_id=lora_id or new_id(), event=event, revision=revision, at=at, trail=trail or {})


def waiting(at: datetime = NOW) -> Publication:
    """A publication that waits since then."""
    return Publication.of(a_change(at=at))


def synced() -> Publication:
    """A publication of which nothing waits."""
    claimed = waiting().claimed(now=NOW, lease=LEASE)
    return claimed.published(1, f"s3://loras/{claimed.lora_id}.json", '"etag"', now=LATER)[0]


def failed() -> Publication:
    """A publication of which the first attempt failed."""
    return waiting().claimed(now=NOW, lease=LEASE).failed("the bucket is gone", now=LATER, chance=1)[0]


@st.composite
def steps(draw: DrawFn) -> Step:
    """What becomes of a publication with time."""
    revision, chance = draw(REVISIONS), draw(st.floats(0, 1))
    uri, version, detail, trail = draw(STORABLE), draw(STORABLE), draw(WORDS), draw(TRAILS)
    step: Step = draw(
        st.sampled_from([
            lambda one, now: one.announced(a_change(one.lora_id, revision, at=now, trail=trail)),
            lambda one, now: one.claimed(now=now, lease=LEASE),
            lambda one, now: one.published(revision, uri, version, now=now)[0],
            lambda one, now: one.withdrawn(revision, now=now)[0],
            lambda one, now: one.failed(detail, now=now, chance=chance)[0],
        ])
    )  # fmt: skip
    return step


@st.composite
def publications(draw: DrawFn, lora_ids: SearchStrategy[UUID]) -> Publication:
    """Publications as they can come to be."""
    now = NOW
    news = a_change(draw(lora_ids), draw(REVISIONS), event=draw(st.sampled_from(EventName)), trail=draw(TRAILS))
    publication = Publication.of(news)
    for step in draw(st.lists(steps(), max_size=5)):
        now += draw(st.timedeltas(timedelta(), 2 * LEASE))
        publication = step(publication, now)
    return publication
