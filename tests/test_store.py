"""One promise list, each kind of store."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docwiz_tasks import InvalidId, SettingsError, StoreError
from docwiz_tasks.store import Store, open_store, path_of, url_of


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """Serve an S3 on loopback."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ALLOW_HTTP", "true")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_REGION", "us-east-1")
        import boto3

        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="clinic")
        yield "s3://clinic/docwiz"
    server.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store((tmp_path / "store").as_uri())
    if request.param == "memory":
        return open_store("memory://")
    url: str = request.getfixturevalue("s3_url")
    return open_store(f"{url}/{os.urandom(4).hex()}")


def test_what_was_put_is_there(store: Store) -> None:
    store.put("a/b.txt", b"one")
    assert store.get("a/b.txt") == b"one"
    store.put("a/b.txt", b"two")
    assert store.get("a/b.txt") == b"two"


def test_what_was_not_put_is_not_there(store: Store) -> None:
    assert store.get("a/b.txt") is None
    store.delete("a/b.txt")
    assert list(store.list("a")) == []


def test_what_was_deleted_is_gone(store: Store) -> None:
    store.put("a/b.txt", b"one")
    store.delete("a/b.txt")
    assert store.get("a/b.txt") is None


def test_only_what_is_there_exists(store: Store) -> None:
    store.put("a/b.txt", b"one")
    assert store.exists("a/b.txt")
    for path in ("a/c.txt", "a", "a/b.txt/d", "b"):
        assert not store.exists(path)
    store.delete("a/b.txt")
    assert not store.exists("a/b.txt")


def test_what_need_not_be_durable_is_there_all_the_same(store: Store) -> None:
    store.put("a/b.txt", b"one", durable=False)
    assert store.create("a/c.txt", b"two", durable=False) is True
    assert store.create("a/c.txt", b"three", durable=False) is False
    assert (store.get("a/b.txt"), store.get("a/c.txt")) == (b"one", b"two")


def test_create_keeps_the_first(store: Store) -> None:
    assert store.create("x", b"first") is True
    assert store.create("x", b"second") is False
    assert store.get("x") == b"first"


def test_of_many_creators_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: store.create("x", b"%d" % n), range(32)))
    assert sum(won) == 1
    assert store.get("x") == b"%d" % won.index(True)


def test_list_gives_all_below_a_folder_and_no_neighbour(store: Store) -> None:
    for path in ("jobs/1/b", "jobs/1/a", "jobs/1/steps/c", "jobs/11/x"):
        store.put(path, b"")
    assert list(store.list("jobs/1")) == ["jobs/1/a", "jobs/1/b", "jobs/1/steps/c"]


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/", "./a", ".hidden", "a\0", "a\n", "ä"],
)
def test_no_path_leaves_the_store(store: Store, path: str) -> None:
    for act in (
        store.get,
        store.delete,
        lambda p: store.put(p, b""),
        lambda p: store.create(p, b""),
    ):
        with pytest.raises(InvalidId):
            act(path)


def test_a_folder_store_shows_no_partial_file(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("big", b"old")
    file = tmp_path / "big"
    with file.open("rb") as reader:
        store.put("big", b"new" * 1000)
        assert reader.read() == b"old"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["big"]


def test_a_folder_store_waits_for_the_disk_for_what_is_durable_and_for_new_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}"))
    )
    store = open_store(tmp_path.as_uri())
    store.put("a/b", b"x", durable=False)
    store.create("a/c", b"x", durable=False)
    assert synced == []
    store.create("a/new/folder/d", b"x")
    root = str(tmp_path)
    assert sorted(synced[1:]) == [f"{root}/a", f"{root}/a/new", f"{root}/a/new/folder"]
    synced.clear()
    store.put("a/b", b"x")
    assert synced[1:] == [f"{root}/a"]
    assert Path(synced[0]).parent.name == ".incoming"
    open_store(tmp_path.as_uri(), fsync=False).put("a/b", b"x")
    assert len(synced) == 2


def test_a_folder_store_is_private_to_its_user(tmp_path: Path) -> None:
    open_store((tmp_path / "s").as_uri()).put("a/b", b"x")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "s").rglob("*")}
    assert modes == {".incoming": 0o700, "a": 0o700, "b": 0o600}


def test_an_object_store_signs_links(s3_url: str) -> None:
    link = open_store(s3_url).link("a/b.txt", 60)
    assert "a/b.txt" in link
    assert "X-Amz-Expires=60" in link


def test_a_folder_store_says_that_it_has_no_links(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        open_store(tmp_path.as_uri()).link("a", 60)


@pytest.mark.parametrize("url", [None, "ftp://x", "file://elsewhere/x", "s3://", "nonsense"])
def test_a_wrong_url_is_an_error_that_names_the_variable(url: str | None) -> None:
    with pytest.raises(SettingsError, match="DOCWIZ_STORE_URL"):
        open_store(url)


def test_urls_of_results_stay_inside_the_store() -> None:
    assert path_of(url_of("a/b.png")) == "a/b.png"
    for url in ("https://x/a", "docwiz:///../a", "docwiz:////etc/passwd"):
        with pytest.raises((StoreError, InvalidId)):
            path_of(url)
