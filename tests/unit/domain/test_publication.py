"""The publication of a LoRA's document: what waits, since when, and when it is tried again."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lora_manager.domain.events import Event, EventName
from lora_manager.domain.publication import CAP, Announcement, Publication, PublicationState
from lora_manager.testing.strategies import EPOCH

LORA = UUID(int=1)
LATER = EPOCH + timedelta(seconds=5)
LEASE = timedelta(minutes=3)
URI, VERSION = "s3://loras/1.json", '"etag"'
CHANCES = st.floats(0, 1)


def news(revision: int = 1, *, event: EventName = EventName.UPDATED) -> Announcement:
    return Announcement(lora_id=LORA, event=event, revision=revision, at=EPOCH + timedelta(seconds=revision))


def waiting(revision: int = 1) -> Publication:
    return Publication.of(news(revision))


def synced(revision: int = 1) -> Publication:
    return waiting(revision).claimed(now=EPOCH, lease=LEASE).published(revision, URI, VERSION, now=LATER)[0]


def failed() -> Publication:
    return waiting().claimed(now=EPOCH, lease=LEASE).failed("refused", now=LATER, chance=1)[0]


def test_the_first_change_waits_and_is_due_at_once() -> None:
    first = news(3, event=EventName.CREATED)
    assert Publication.of(first) == Publication(
        lora_id=LORA, event=EventName.CREATED, revision=3, waiting_since=first.at, due_at=first.at
    )


@pytest.mark.parametrize(
    ("publication", "state"),
    [
        (waiting(), PublicationState.PENDING),
        (waiting().claimed(now=EPOCH, lease=LEASE), PublicationState.PENDING),
        (synced(), PublicationState.SYNCED),
        (synced().announced(news(2)), PublicationState.PENDING),
        (failed(), PublicationState.FAILED),
        (failed().announced(news(2)), PublicationState.FAILED),
        (failed().published(1, URI, VERSION, now=LATER)[0], PublicationState.SYNCED),
        (synced().withdrawn(1, now=LATER)[0], PublicationState.OFF),
        (synced().claimed(now=LATER, lease=LEASE), PublicationState.SYNCED),
    ],
    ids=[
        "first",
        "claimed",
        "published",
        "changed",
        "failed",
        "failed, then changed",
        "failed, then published",
        "withdrawn",
        "published once more",
    ],
)
def test_the_state_tells_where_it_stands(publication: Publication, state: PublicationState) -> None:
    assert publication.state is state


def test_several_changes_wait_since_the_first_and_are_due_with_the_last() -> None:
    publication = waiting(1).announced(news(2)).announced(news(3, event=EventName.DELETED))
    assert publication == replace(waiting(3), event=EventName.DELETED, waiting_since=news(1).at)


def test_a_change_is_tried_at_once_however_often_the_last_one_failed() -> None:
    publication = failed().claimed(now=LATER, lease=LEASE).failed("refused", now=LATER, chance=1)[0]
    assert publication.attempts == 2
    changed = publication.announced(news(2))
    assert (changed.attempts, changed.due_at) == (0, news(2).at)


def test_what_is_known_of_the_published_document_outlives_a_change() -> None:
    before = synced()
    after = before.announced(news(2))
    assert after == replace(before, event=EventName.UPDATED, revision=2, waiting_since=news(2).at, due_at=news(2).at)


@given(st.sampled_from([waiting(5), synced(5)]), st.integers(1, 4))
def test_older_news_changes_nothing(publication: Publication, revision: int) -> None:
    assert publication.announced(news(revision, event=EventName.DELETED)) == publication


def test_news_of_the_same_revision_is_published_once_more() -> None:
    assert synced(2).announced(news(2)).state is PublicationState.PENDING


def test_a_claim_counts_the_attempt_and_leaves_it_to_others_after_the_lease() -> None:
    claimed = waiting().claimed(now=LATER, lease=LEASE)
    assert claimed == replace(waiting(), due_at=LATER + LEASE, attempts=1)


def test_once_published_nothing_waits() -> None:
    publication, event = failed().claimed(now=LATER, lease=LEASE).published(1, URI, VERSION, now=LATER)
    assert publication == Publication(
        lora_id=LORA,
        event=EventName.UPDATED,
        revision=1,
        waiting_since=None,
        due_at=None,
        published_revision=1,
        version=VERSION,
        uri=URI,
        synced_at=LATER,
    )
    assert event == Event(EventName.METADATA_PUBLISHED, LATER, LORA)


def test_once_withdrawn_nothing_waits_and_there_is_no_document() -> None:
    deleted = synced().announced(news(2, event=EventName.DELETED)).claimed(now=LATER, lease=LEASE)
    publication, event = deleted.withdrawn(2, now=LATER)
    assert publication == Publication(
        lora_id=LORA, event=EventName.DELETED, revision=2, waiting_since=None, due_at=None, synced_at=LATER
    )
    assert event == Event(EventName.METADATA_PUBLISHED, LATER, LORA)


def test_a_document_newer_than_the_news_leaves_nothing_waiting() -> None:
    publication, _ = waiting(1).published(2, URI, VERSION, now=LATER)
    assert (publication.state, publication.published_revision) == (PublicationState.SYNCED, 2)
    assert publication.announced(news(2)).due_at == news(2).at


def test_what_changed_while_it_was_published_is_due_now_and_waits_since_the_oldest_change() -> None:
    changed = waiting(1).claimed(now=EPOCH, lease=LEASE).announced(news(2)).announced(news(3))
    publication, _ = changed.published(1, URI, VERSION, now=LATER)
    assert publication.state is PublicationState.PENDING
    assert (publication.waiting_since, publication.due_at) == (news(1).at, LATER)
    assert (publication.published_revision, publication.uri) == (1, URI)


def test_what_was_restored_while_it_was_withdrawn_is_due_now() -> None:
    restored = waiting(2).claimed(now=EPOCH, lease=LEASE).announced(news(3, event=EventName.RESTORED))
    publication, _ = restored.withdrawn(2, now=LATER)
    assert (publication.state, publication.due_at) == (PublicationState.PENDING, LATER)


def test_an_attempt_that_ends_after_a_later_one_has_the_later_revision_published_again() -> None:
    for publication, _ in (synced(2).published(1, URI, VERSION, now=LATER), synced(2).withdrawn(1, now=LATER)):
        assert publication.state is PublicationState.PENDING
        assert (publication.waiting_since, publication.due_at) == (LATER, LATER)


def test_a_failure_tells_why_and_is_tried_again_later() -> None:
    publication, event = waiting().claimed(now=EPOCH, lease=LEASE).failed("refused", now=LATER, chance=0.5)
    assert publication == replace(waiting(), attempts=1, due_at=LATER + timedelta(seconds=1), detail="refused")
    assert event == Event(EventName.METADATA_FAILED, LATER, LORA)


def test_a_failure_to_publish_what_is_published_already_is_not_tried_again() -> None:
    publication, _ = synced().claimed(now=LATER, lease=LEASE).failed("refused", now=LATER, chance=1)
    assert (publication.state, publication.due_at) == (PublicationState.SYNCED, None)


@given(st.integers(0, 100_000), CHANCES)
def test_the_wait_after_a_failure_is_never_longer_than_a_minute(attempts: int, chance: float) -> None:
    publication, _ = replace(waiting(), attempts=attempts).failed("refused", now=LATER, chance=chance)
    assert publication.due_at is not None
    assert LATER <= publication.due_at <= LATER + CAP == LATER + timedelta(seconds=60)


def test_the_longest_wait_doubles_with_every_failure_until_it_is_a_minute() -> None:
    publication, waits = waiting(), []
    for _ in range(7):
        publication, _ = publication.claimed(now=EPOCH, lease=LEASE).failed("refused", now=LATER, chance=1)
        assert publication.due_at is not None
        waits.append((publication.due_at - LATER).total_seconds())
    assert waits == [2, 4, 8, 16, 32, 60, 60]


class PublishingMachine(RuleBasedStateMachine):
    """One LoRA that changes, and publishers that read it, take their time, and may die."""

    def __init__(self) -> None:
        super().__init__()
        self.now = EPOCH
        self.revision = 1
        self.is_deleted = False
        self.publication: Publication
        self.under_way: list[tuple[int, bool]] = []  # the revision that a publisher read, and whether it was deleted

    @initialize()
    def create(self) -> None:
        self.publication = Publication.of(self.happened(EventName.CREATED))

    def happened(self, event: EventName) -> Announcement:
        return Announcement(lora_id=LORA, event=event, revision=self.revision, at=self.now)

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(deletes=st.booleans())
    def change(self, *, deletes: bool) -> None:
        self.revision += 1
        self.is_deleted = deletes
        before = self.publication
        self.publication = before.announced(self.happened(EventName.DELETED if deletes else EventName.UPDATED))
        assert self.publication.due_at == self.now
        assert self.publication.waiting_since == (before.waiting_since or self.now)

    @rule()
    def claim_what_is_due(self) -> None:
        if self.publication.due_at is not None and self.publication.due_at <= self.now:
            self.claim()

    @rule()
    def claim(self) -> None:
        self.publication = self.publication.claimed(now=self.now, lease=LEASE)
        self.under_way.append((self.revision, self.is_deleted))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), chance=CHANCES, ending=st.sampled_from(["success", "failure", "death"]))
    def end(self, data: st.DataObject, chance: float, ending: str) -> None:
        place = data.draw(st.integers(0, len(self.under_way) - 1))
        revision, was_deleted = self.under_way.pop(place)
        before = self.publication
        if ending == "failure":
            self.publication, _ = before.failed("refused", now=self.now, chance=chance)
            assert self.publication.waiting_since == before.waiting_since
        elif ending == "success":
            self.publication, _ = (
                before.withdrawn(revision, now=self.now)
                if was_deleted
                else before.published(revision, URI, VERSION, now=self.now)
            )
            assert (self.publication.waiting_since is None) == (revision == self.revision)

    @invariant()
    def what_waits_is_tried_within_the_lease(self) -> None:
        if self.publication.waiting_since is not None:
            assert self.publication.due_at is not None
            assert self.publication.due_at <= self.now + LEASE

    @invariant()
    def what_is_said_to_be_up_to_date_is(self) -> None:
        publication = self.publication
        if publication.state is PublicationState.SYNCED:
            assert publication.published_revision == self.revision == publication.revision
        elif publication.state is PublicationState.OFF:
            assert self.is_deleted
        else:
            assert publication.waiting_since is not None
            assert publication.waiting_since <= self.now


TestPublishing = PublishingMachine.TestCase
