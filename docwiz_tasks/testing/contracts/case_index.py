"""What every index of similar cases has to do."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from docwiz_tasks.contracts import CaseIndex, Embedding, SimilarCase
from docwiz_tasks.testing.contracts.calling import answer

__all__ = ["CaseIndexContract"]

_NOSE, _CHIN = {"procedure_id": "rhinoplasty"}, {"procedure_id": "chin-augmentation"}


class CaseIndexContract:
    """Inherit this and give the fixture `index`."""

    @pytest.fixture
    def index(self) -> CaseIndex:
        """Give the index that is tested."""
        raise NotImplementedError("override the fixture 'index'")

    @pytest.fixture
    def model(self) -> str:
        """Give a model that no other test has, so that an index that lasts can be tested again."""
        return f"contract/{uuid.uuid4().hex}"

    def add(self, index: CaseIndex, id: str, embedding: Embedding, payload: dict[str, str]) -> None:
        """Index a case as a job does."""
        answer(index.add, id, embedding, payload)  # type: ignore[arg-type]

    def search(
        self,
        index: CaseIndex,
        embedding: Embedding,
        procedure_id: str | None = None,
        limit: int = 9,
    ) -> list[SimilarCase]:
        """Search as a host does."""
        found: list[SimilarCase] = answer(
            index.search,  # type: ignore[arg-type]
            embedding,
            procedure_id=procedure_id,
            limit=limit,
        )
        return list(found)

    def test_it_is_a_case_index(self, index: CaseIndex) -> None:
        """It has what the protocol names."""
        assert isinstance(index, CaseIndex)

    def test_nothing_is_like_what_was_never_filed(self, index: CaseIndex, model: str) -> None:
        """And that is no error."""
        assert self.search(index, Embedding([1.0, 0.0], model)) == []

    def test_the_nearest_come_first_up_to_the_limit(self, index: CaseIndex, model: str) -> None:
        """By the cosine of the angle between the vectors, whatever their lengths."""
        vectors = {"far": [-1.0, 0.1], "near": [0.9, 0.1], "same": [20.0, 0.0], "across": [0.0, 3]}
        for id, vector in vectors.items():
            self.add(index, id, Embedding(vector, model), _NOSE)
        found = self.search(index, Embedding([1.0, 0.0], model))
        assert [case.visualization_id for case in found] == ["same", "near", "across", "far"]
        assert found[0].score == pytest.approx(1.0, abs=1e-3)
        assert found[2].score == pytest.approx(0.0, abs=1e-3)
        assert {case.procedure_id for case in found} == {"rhinoplasty"}
        assert self.search(index, Embedding([1.0, 0.0], model), limit=2) == found[:2]

    def test_only_one_procedure_is_found_if_asked(self, index: CaseIndex, model: str) -> None:
        """As a host asks who shows one procedure."""
        self.add(index, "nose", Embedding([1.0, 0.0], model), _NOSE)
        self.add(index, "chin", Embedding([0.9, 0.1], model), _CHIN)
        [found] = self.search(index, Embedding([1.0, 0.0], model), "chin-augmentation")
        assert (found.visualization_id, found.procedure_id) == ("chin", "chin-augmentation")

    def test_the_same_id_replaces_what_was_there(self, index: CaseIndex, model: str) -> None:
        """A step that is done again, and a catching up, file a case again."""
        for vector in ([0.0, 1.0], [1.0, 0.0]):
            self.add(index, str(uuid.UUID(int=7)), Embedding(vector, model), _NOSE)
        [found] = self.search(index, Embedding([1.0, 0.0], model))
        assert found.visualization_id == str(uuid.UUID(int=7))
        assert found.score == pytest.approx(1.0, abs=1e-3)

    def test_vectors_of_other_models_and_lengths_never_meet(
        self, index: CaseIndex, model: str
    ) -> None:
        """They mean other things, even under names that are nearly the same."""
        own = Embedding([1.0, 0.0], model)
        others = [
            Embedding([1.0, 0.0], model.replace("/", "-")),
            Embedding([1.0, 0.0], model.upper()),
            Embedding([1.0, 0.0, 0.0], model),
        ]
        for number, embedding in enumerate([own, *others]):
            self.add(index, f"case-{number}", embedding, _NOSE)
        for number, embedding in enumerate([own, *others]):
            assert [c.visualization_id for c in self.search(index, embedding)] == [f"case-{number}"]

    def test_cases_filed_at_once_are_all_there(self, index: CaseIndex, model: str) -> None:
        """The previews of a comparison are."""
        ids = [f"preview-{number}" for number in range(8)]
        embedding = Embedding([0.6, 0.8], model)
        with ThreadPoolExecutor(8) as threads:
            for id in ids:
                threads.submit(self.add, index, id, embedding, _NOSE)
        found = self.search(index, embedding)
        assert sorted(case.visualization_id for case in found) == ids
