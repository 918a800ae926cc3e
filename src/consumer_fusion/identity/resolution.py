"""Resolution: finding the consumer of an event, by rules over declared identifiers.

The strength of identifiers is defined in `identifiers`; decisions of users are in `merges`; similarity of names and
dates is in `linkage`, and only leads to suggestions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from consumer_fusion.i18n.messages import Message, as_message, store_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.identity.groups import IdentifierSighting, IdentityGroup, IdentityGroups, SourceTrust
from consumer_fusion.identity.merges import (
    MergeEdge,
    Regrouping,
    compare_groups,
    record_merges,
    withdraw_merges,
)
from consumer_fusion.records.identifier import (
    PREVIOUS_KEY,
    WEAK_TYPES,
    Identifier,
    normalise_identifiers,
    rank_type,
    write_visitor_key,
)
from consumer_fusion.records.identity import IDENTIFIER_SIGHTINGS, IDENTIFIERS, IDENTITY_CONFLICTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session


class ConsumerSighting(NamedTuple):
    """A consumer as seen in events.

    Attributes:
        consumer: The source's key of the consumer, if any.
        identifiers: The identifiers of the events, by type.
        places: Numbers of the sources of the events and of their brands; 0 for no brand.
    """

    consumer: str | None
    identifiers: Mapping[str, str]
    places: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _ResolvedSighting:
    """A sighting in terms of the tables: number of the consumer, canonical identifiers, sources and brands."""

    key: str | None
    number: int | None
    identifiers: tuple[Identifier, ...]
    places: tuple[tuple[int, int], ...]


EnsureConsumers = Callable[[Sequence[str]], Mapping[str, int]]
"""Returns the number of each key, creating new consumers."""

_STATED = N_("The source says that they are one: the one was the other's key before.")
_TOO_MANY = N_("Together they would have more identifiers than a consumer may have.")


@dataclass(frozen=True, slots=True)
class Resolution:
    """Result of a batch of sightings.

    Attributes:
        consumer_ids: For each sighting, in order, the consumer under which its events are stored (before merges);
            0 where it is unknown.
        merges: Merges made, in order.
        undone_merge_ids: Merges by rule that this batch contradicted; they may be among those just made.
        regrouped: Consumers with a changed canonical consumer; their pairs are to be folded again.
        identifier_count: Number of newly linked identifiers.
        conflict_count: Number of new conflicts.
    """

    consumer_ids: tuple[int, ...]
    merges: tuple[MergeEdge, ...]
    undone_merge_ids: tuple[str, ...]
    regrouped: Regrouping
    identifier_count: int
    conflict_count: int


def resolve_identities(
    session: Session,
    sightings: Iterable[ConsumerSighting],
    *,
    ensure_consumers: EnsureConsumers,
    seen_us: int,
    limit: int,
    claimed_by: int | None = None,
    placeholders: Collection[str] = (),
) -> Resolution:
    """Find the consumer of each sighting; link identifiers, merge by rule, and record where the rules declined.

    The same sightings again change nothing.

    Args:
        session: A writing session of the store.
        sightings: Distinct combinations of a batch, in order of time.
        ensure_consumers: Returns the numbers of consumers by key, creating new ones.
        seen_us: Time of arrival of the batch.
        limit: Maximum number of identifiers of a consumer.
        claimed_by: Source of a public write key, whose statements are all claims; None where
            the sources are trusted.
        placeholders: Further placeholder values, in lower case.
    """
    taken = [
        (
            each.consumer,
            _normalise(each.identifiers, placeholders, is_claim=claimed_by is not None),
            each.places,
        )
        for each in (ConsumerSighting(*sighting) for sighting in sightings)
    ]
    numbers = dict(ensure_consumers(tuple(dict.fromkeys(key for key, *_ in taken if key is not None))))
    named = [
        _ResolvedSighting(key, numbers[key] if key is not None else None, identifiers, places)
        for key, identifiers, places in taken
    ]
    groups = IdentityGroups()
    groups.read(
        session,
        {key: numbers[key] for key, identifiers, _ in taken if key is not None and identifiers},
        chain(
            (each for _, identifiers, _ in taken for each in identifiers),
            _list_former(session, taken),
        ),
        None if claimed_by is None else {brand_id for *_, places in taken for _, brand_id in places},
    )
    before = groups.map_members()
    rules = _Rules(groups, max(seen_us, groups.merged_at_us + 1), limit, claimed_by)
    consumer_ids = rules.run(named)

    made_keys = tuple(groups.keys[number] for number in groups.numbers.values() if number < 0)
    made = ensure_consumers(made_keys) if made_keys else {}
    written = {groups.numbers[key]: made[key] for key in made_keys}
    # Ids sort by time; those of one batch follow the order of the decisions, which determines the canonical consumer.
    sorted_ids = sorted(make_id() for _ in rules.merges)
    merge_ids = {edge.merge_id: merge_id for edge, merge_id in zip(rules.merges, sorted_ids, strict=True)}
    merges = tuple(
        replace(
            edge,
            merge_id=merge_ids[edge.merge_id],
            kept_id=written.get(edge.kept_id, edge.kept_id),
            absorbed_id=written.get(edge.absorbed_id, edge.absorbed_id),
        )
        for edge in rules.merges
    )
    undone = tuple(merge_ids.get(merge_id, merge_id) for merge_id in rules.undone_merge_ids)
    record_merges(session, merges)
    withdraw_merges(session, undone, rules.made_us)
    session.insert(
        IDENTIFIERS,
        IDENTIFIERS.column_names,
        [(i.type, i.value, i.strength, written.get(owner, owner), seen_us) for owner, i in rules.linked],
    )
    for owner, identifier in rules.confirmed:
        session.update(
            IDENTIFIERS,
            {"consumer_id": written.get(owner, owner), "strength": identifier.strength},
            {"identifier_type": identifier.type, "identifier_value": identifier.value},
        )
    _record_sightings(session, named, tuple(written.get(each, each) for each in consumer_ids), claimed_by)
    conflict_count = _record_conflicts(session, rules.conflicts, written, seen_us)
    after = {
        written.get(raw, raw): written.get(canonical, canonical)
        for raw, canonical in groups.map_members().items()
    }
    return Resolution(
        consumer_ids=tuple(written.get(number, number) for number in consumer_ids),
        merges=merges,
        undone_merge_ids=undone,
        regrouped=compare_groups(before, after),
        identifier_count=len(rules.linked),
        conflict_count=conflict_count,
    )


class _Rules:
    """The rules, run over a batch in memory; see `docs/concepts/identity.md` for their purpose."""

    def __init__(self, groups: IdentityGroups, made_us: int, limit: int, claimed_by: int | None) -> None:
        self.made_us = made_us
        self.confirmed: list[tuple[int, Identifier]] = []
        self.merges: list[MergeEdge] = []
        self.undone_merge_ids: list[str] = []
        self.linked: list[tuple[int, Identifier]] = []
        self.conflicts: dict[tuple[int, int, str], bool] = {}
        self._groups = groups
        self._limit = limit
        self._claimed_by = claimed_by

    def run(self, sightings: Sequence[_ResolvedSighting]) -> list[int]:
        """Process all sightings, and again after each contradiction: consumers separated before may now be one."""
        while True:
            undone_before = len(self.undone_merge_ids)
            consumer_ids = [self._take(each) for each in sightings]
            if len(self.undone_merge_ids) == undone_before:
                return consumer_ids

    def _take(self, seen: _ResolvedSighting) -> int:
        identifiers = seen.identifiers
        if not identifiers:
            return seen.number or 0
        owners = self._groups.owners
        is_claim = self._claimed_by is not None
        if seen.number is not None:
            subject = seen.number
        elif is_claim:
            subject = self._find_visitor(identifiers[0], seen)
        else:
            subject = self._find_subject(identifiers[0])
        tellers = (
            {source_id for source_id, _ in seen.places} if self._claimed_by is None else {self._claimed_by}
        )
        self._groups.tellers[subject] |= {SourceTrust(source_id, is_claim) for source_id in tellers}
        # All new identifiers are linked before anything is joined, so that a second account is known in time.
        for identifier in identifiers:
            if identifier.type == PREVIOUS_KEY and identifier.is_claim:
                continue  # once linked, it would be trusted as soon as a trusted source names that key
            if identifier.place not in owners:
                self._link(subject, identifier)
            elif identifier.is_strong and self._groups.find_link(identifier).is_claim:
                self._confirm(subject, identifier, seen)
        for identifier in identifiers:
            owner = owners.get(identifier.place, subject)
            # A claim matches consumers of its own brand first: the result must not depend on those of other brands.
            told = self._list_told(identifier, seen) if is_claim else []
            for other in dict.fromkeys([*told[:1], owner]):
                if self._groups.find(other) is not self._groups.find(subject):
                    self._consider(subject, other, identifier, is_told=not is_claim or other in told)
            if (
                identifier.type == PREVIOUS_KEY
                and (former := self._groups.numbers.get(identifier.key)) is not None
            ):
                self._consider_statement(subject, former)
        later = owners.get((PREVIOUS_KEY, seen.key)) if seen.key is not None else None
        if later is not None:
            self._consider_statement(later, subject)
        for identifier in identifiers:
            self._groups.told[identifier.place] |= {
                IdentifierSighting(subject, self._claimed_by or source_id, brand_id, is_claim)
                for source_id, brand_id in seen.places
            }
        return subject

    def _consider_statement(self, consumer_id: int, former_id: int) -> None:
        """Process a source's statement of a former key: it takes precedence over differing identifiers."""
        groups = self._groups
        first, second = groups.find(consumer_id), groups.find(former_id)
        if first is second:
            return
        if groups.were_parted(first, second):
            self._decline(first, second, N_("A merge of the two was undone before."))
        elif self._claimed_by is not None:
            self._decline(first, second, _write_claim(PREVIOUS_KEY), is_claim=True)
        elif groups.count_identifiers(first, second) > self._limit:
            self._decline(first, second, _TOO_MANY)
        else:
            self._join(consumer_id, former_id, _STATED)

    def _find_subject(self, strongest: Identifier) -> int:
        """The owner of the strongest identifier, otherwise a new consumer.

        The other identifiers do not decide: their owners are joined by a merge, which can be undone.
        """
        owner = self._groups.owners.get(strongest.place)
        if owner is None or (strongest.is_strong and self._groups.find_link(strongest).is_claim):
            # A trusted source's consumer is not the one that claimed its identifier before.
            return self._groups.make_consumer(strongest.key)
        return owner

    def _find_visitor(self, strongest: Identifier, seen: _ResolvedSighting) -> int:
        """The consumer that the same brand received by the claimed identifier, otherwise a visitor of the claim.

        Not the owner of the identifier: that may be a customer of another brand, and the match would reveal it.
        """
        told = self._list_told(strongest, seen)
        if told:
            return told[0]
        # A browser id cannot be guessed, so its form may show that it is known. An address can be guessed.
        if strongest.type in WEAK_TYPES and strongest.key not in self._groups.numbers:
            return self._groups.make_consumer(strongest.key)
        brand_id = min((brand_id for _, brand_id in seen.places), default=0)
        return self._groups.make_consumer(write_visitor_key(strongest, brand_id))

    def _list_told(self, identifier: Identifier, seen: _ResolvedSighting) -> list[int]:
        """Consumers that the brand of a sighting received by an identifier; trusted sources first, then the oldest."""
        brand_ids = {brand_id for _, brand_id in seen.places}
        tellings = [each for each in self._groups.told[identifier.place] if each.brand_id in brand_ids]
        found = [
            (each.is_claim, each.consumer_id < 0, abs(each.consumer_id), each.consumer_id)
            for each in tellings
            if not each.is_claim or self._claimed_by in (None, each.source_id)
        ]
        return list(dict.fromkeys(consumer_id for *_, consumer_id in sorted(found)))

    def _link(self, subject: int, identifier: Identifier) -> None:
        group = self._groups.find(subject)
        if self._groups.count_identifiers(group) >= self._limit:
            self._decline(group, None, N_("It is known by as many identifiers as a consumer may have."))
            return
        self._groups.link(subject, identifier)
        self.linked.append((subject, identifier))
        if identifier.is_strong and group.edges:
            self._part_contradicted(subject, identifier)

    def _confirm(self, subject: int, identifier: Identifier, seen: _ResolvedSighting) -> None:
        """A trusted source names the consumer of an identifier that was only claimed so far: it takes precedence."""
        group, owner = self._groups.find(subject), self._groups.take_over(subject, identifier)
        self.confirmed.append((subject, identifier))
        if group.edges:
            self._part_contradicted(subject, identifier)
        if self._groups.find(owner) is not self._groups.find(subject):
            self._consider(
                subject,
                owner,
                replace(identifier, is_claim=True),
                is_told=owner in self._list_told(identifier, seen),
            )

    def _part_contradicted(self, subject: int, identifier: Identifier) -> None:
        """Undo merges by rule with consumers that have another identifier of the type that the subject now has.

        A source may know one consumer by two e-mail addresses; but if two consumers were joined because they shared
        one of them, and the other turns out to have its own account, the merge was wrong.
        """
        groups = self._groups
        if sum(each.type == identifier.type and each.is_strong for each in groups.identifiers[subject]) > 1:
            return
        group = groups.find(subject)
        if any(
            subject in (edge.kept_id, edge.absorbed_id) and edge.tie == identifier.type
            for edge in group.edges
        ):
            return
        for member in sorted(group.members - {subject}):
            group = groups.find(subject)
            if member in group.members and any(
                each.type == identifier.type and each.is_strong for each in groups.identifiers[member]
            ):
                # A tie by a stronger type than the differing one stays: one account may change its e-mail.
                weak_ties = [
                    edge
                    for edge in groups.trace(subject, member)
                    if edge.origin == "rule" and edge.tie and rank_type(edge.tie) >= identifier.rank
                ]
                if weak_ties:
                    edge = max(weak_ties, key=lambda each: (rank_type(each.tie), each.made_us, each.merge_id))
                    groups.part(edge)
                    self.undone_merge_ids.append(edge.merge_id)
                    self._decline(groups.find(subject), groups.find(member), _write_contest(identifier.type))

    def _consider(self, subject: int, owner: int, identifier: Identifier, *, is_told: bool = True) -> None:
        """Join the two consumers of an identifier, or record why not; a claim only joins those its own brand knows."""
        groups = self._groups
        first, second = groups.find(subject), groups.find(owner)
        contested = groups.find_contested_type(first, second)
        if groups.were_parted(first, second) and contested is None:
            self._decline(first, second, N_("A merge of the two was undone before."))
        elif contested is not None and identifier.is_strong:
            self._decline(first, second, _write_contest(contested))
        elif identifier.is_claim and not (is_told and self._may_join_by_claim(first, second)):
            self._decline(first, second, _write_claim(identifier.type), is_claim=True)
        elif not identifier.is_strong and not (groups.is_anonymous(first) or groups.is_anonymous(second)):
            self._decline(
                first,
                second,
                Message("They share a {type}, which alone joins nobody.", type=as_message(identifier.type)),
            )
        elif groups.count_identifiers(first, second) > self._limit:
            self._decline(first, second, _TOO_MANY)
        else:
            goes_on = groups.order(first) < groups.order(second)
            kept, absorbed = (subject, owner) if goes_on else (owner, subject)
            self._join(kept, absorbed, _write_tie(identifier.type), identifier.type)

    def _join(self, kept_id: int, absorbed_id: int, reason: str, tie: str = "") -> None:
        edge = MergeEdge(
            f"{len(self.merges):012d}", kept_id, absorbed_id, reason, "rule", self.made_us, tie=tie
        )
        self._groups.join(edge)
        self.merges.append(edge)

    def _may_join_by_claim(self, first: IdentityGroup, second: IdentityGroup) -> bool:
        """A claim only joins a visitor who is known from no other source."""
        anonymous = [group for group in (first, second) if self._groups.is_anonymous(group)]
        tellers = {
            each for group in anonymous for member in group.members for each in self._groups.tellers[member]
        }
        source_id = self._claimed_by or min((each.source_id for each in tellers), default=0)
        return bool(anonymous) and all(self._groups.is_only_claimed(group, source_id) for group in anonymous)

    def _decline(
        self, first: IdentityGroup, second: IdentityGroup | None, reason: str, *, is_claim: bool = False
    ) -> None:
        self.conflicts[first.canonical_id, second.canonical_id if second else 0, reason] = is_claim


def _write_tie(identifier_type: str) -> str:
    return Message(
        "The same {identifier_type} was seen for both.", identifier_type=as_message(identifier_type)
    )


def _write_contest(identifier_type: str) -> str:
    return Message("They have a different {identifier_type}.", identifier_type=as_message(identifier_type))


def _write_claim(identifier_type: str) -> str:
    return Message(
        "A browser says that both have the same {identifier_type}; that is a claim and joins nobody.",
        identifier_type=as_message(identifier_type),
    )


def _list_former(
    session: Session, taken: Sequence[tuple[str | None, tuple[Identifier, ...], object]]
) -> list[Identifier]:
    """The keys of a batch as former keys, if any source states former keys."""
    is_spoken = any(each.type == PREVIOUS_KEY for _, identifiers, _ in taken for each in identifiers)
    if not is_spoken and not session.count(IDENTIFIERS, {"identifier_type": PREVIOUS_KEY}):
        return []
    rank = rank_type(PREVIOUS_KEY)
    return [
        Identifier(rank, PREVIOUS_KEY, key)
        for key, identifiers, _ in taken
        if key is not None and identifiers
    ]


def _normalise(
    identifiers: Mapping[str, str], placeholders: Collection[str], *, is_claim: bool
) -> tuple[Identifier, ...]:
    found = normalise_identifiers(identifiers, placeholders)
    return tuple(replace(each, is_claim=True) for each in found) if is_claim else found


def _record_sightings(
    session: Session,
    sightings: Sequence[_ResolvedSighting],
    consumer_ids: Sequence[int],
    claimed_by: int | None,
) -> None:
    rows = {
        (each.type, each.value, consumer_id, source_id if claimed_by is None else claimed_by, brand_id,
         claimed_by is not None)
        for seen, consumer_id in zip(sightings, consumer_ids, strict=True)
        for each in seen.identifiers
        for source_id, brand_id in seen.places
    }  # fmt: skip
    session.insert(IDENTIFIER_SIGHTINGS, IDENTIFIER_SIGHTINGS.column_names, sorted(rows), ignore=True)


def _record_conflicts(
    session: Session, conflicts: Mapping[tuple[int, int, str], bool], written: Mapping[int, int], seen_us: int
) -> int:
    rows = {}
    for (first, second, reason), is_claim in conflicts.items():
        ends = [written.get(first, first), written.get(second, second)]
        if second:
            ends.sort()
        # The id is computed from the content, so that a conflict is recorded once however often it occurs.
        conflict_id = hashlib.sha256(f"{ends[0]}|{ends[1]}|{reason}".encode()).hexdigest()[:32]
        rows[conflict_id] = (conflict_id, ends[0], ends[1], store_message(reason), is_claim, seen_us)
    return session.insert(
        IDENTITY_CONFLICTS, IDENTITY_CONFLICTS.column_names, list(rows.values()), ignore=True
    )
