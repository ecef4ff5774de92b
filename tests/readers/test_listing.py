# SPDX-License-Identifier: Apache-2.0
import fsspec
import pytest

from minewatch.errors import SourceError
from minewatch.readers import listing
from minewatch.readers.listing import find_objects
from object_store import refuse_from_now_on, serving

KEYS = (
    "AWSLogs/1/vpcflowlogs/eu-west-1/2026/11/27/a.log.gz",
    "AWSLogs/1/vpcflowlogs/eu-west-1/2026/11/28/b.log.gz",
    "AWSLogs/2/vpcflowlogs/us-east-1/2026/11/28/c.log.gz",
    "AWSLogs/2/CloudTrail/us-east-1/2026/11/28/d.json.gz",
    "top.log",
    "odd?name#x::y",
)


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    system.store.clear()
    for key in KEYS:
        system.pipe(f"/b/{key}", key.encode())
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def keys(found, root):
    return [url.removeprefix(root) for url, _ in found.objects]


@pytest.mark.parametrize("url", ["memory://b", "memory://b/", "memory:///b/"])
def test_all_that_lies_below(memory, url):
    found = find_objects(url)
    assert found.is_folder
    assert keys(found, url.rstrip("/") + "/") == sorted(KEYS)
    assert dict(found.objects)[url.rstrip("/") + "/top.log"] == len("top.log")


def test_one_object(memory):
    found = find_objects("memory://b/top.log")
    assert not found.is_folder
    assert found.objects == [("memory://b/top.log", 7)]


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("AWSLogs/*/vpcflowlogs/*/2026/11/28/*.gz", [1, 2]),
        ("AWSLogs/1/**", [0, 1]),
        ("AWSLogs/**/28/*", [3, 1, 2]),
        ("**/28/*", [3, 1, 2]),
        ("**", [3, 0, 1, 2, 5, 4]),
        ("t[no]p.*", [4]),
        ("?op.log", [4]),
        ("AWSLogs/**/**/b.log.gz", [1]),
    ],
)
def test_patterns(memory, pattern, places):
    found = find_objects(f"memory://b/{pattern}")
    assert not found.is_folder
    assert sorted(keys(found, "memory://b/")) == sorted(KEYS[place] for place in places)
    assert keys(found, "memory://b/") == sorted(keys(found, "memory://b/"))


def test_only_folders_that_may_match_are_listed(memory, monkeypatch):
    asked = []
    real = type(memory).ls

    def ls(self, path, **options):
        asked.append(path)
        return real(self, path, **options)

    monkeypatch.setattr(type(memory), "ls", ls)
    find_objects("memory://b/AWSLogs/*/vpcflowlogs/*/2026/11/28/*")
    assert asked[0] == "/b/AWSLogs"
    assert not [path for path in asked if "CloudTrail" in path or path.endswith("27")]


def test_a_listing_does_not_go_on_for_ever(memory, monkeypatch):
    monkeypatch.setattr(listing, "MAX_OBJECTS", 10)
    with pytest.raises(SourceError) as caught:
        find_objects("memory://b")
    assert str(caught.value) == (
        "memory://b: more than 10 objects; name a narrower folder, or a pattern"
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://b/x*", "the pattern matches no object; check the name"),
        ("memory://b/none", "cannot be read: no such bucket, folder or object; check the name"),
        ("memory://c/*", "cannot be read: no such bucket, folder or object; check the name"),
        ("memory://", "name what to read: memory://bucket/folder"),
    ],
)
def test_nothing_there(memory, url, reason):
    with pytest.raises(SourceError) as caught:
        find_objects(url)
    assert str(caught.value) == f"{url}: {reason}"


def test_a_question_mark_of_a_web_servers_query_is_no_pattern(monkeypatch):
    class Web:
        def info(self, path):
            return {"name": path, "size": 3, "type": "file"}

    url = "https://logs.example/a.gz?sig=0123"
    monkeypatch.setattr(listing, "connect", lambda _: (Web(), url))
    assert find_objects(url) == listing.Listing([(url, 3)], is_folder=False)


def test_an_empty_folder(memory):
    memory.mkdir("/empty")
    with pytest.raises(SourceError, match="memory://empty: no object below it; check the name"):
        find_objects("memory://empty")


def test_a_name_is_that_of_the_store_again():
    """What Azure calls a container stands before the account in a URL, and in names without it."""
    url_of = listing._namer("abfss://flows@acct.dfs.core.windows.net/x/y", "flows/x/y")
    assert url_of("flows/x/y/z") == "abfss://flows@acct.dfs.core.windows.net/x/y/z"
    assert listing._namer("az://flows/x", "flows/x")("flows/x/y") == "az://flows/x/y"
    assert listing._namer("sftp://host/x", "/x")("/x/y") == "sftp://host/x/y"


def test_a_store_of_the_s3_kind():
    with serving({"flows": dict.fromkeys((*KEYS[:5], "AWSLogs/1/"), b"x")}) as address:
        found = find_objects("s3://flows/AWSLogs/")
        assert (keys(found, "s3://flows/"), found.is_folder) == (sorted(KEYS[:4]), True)
        found = find_objects("s3://flows/AWSLogs/*/vpcflowlogs/**/28/*")
        assert keys(found, "s3://flows/") == sorted(KEYS[1:3])
        assert find_objects("s3://flows/top.log").objects == [("s3://flows/top.log", 1)]
        for url in ("s3://gone", "s3://gone/x", "s3://gone/*", "s3://flows/gone"):
            with pytest.raises(SourceError, match="no such bucket, folder or object"):
                find_objects(url)
        refuse_from_now_on(address)
        for url in ("s3://flows/other/", "s3://flows/other*"):
            fsspec.filesystem("s3").invalidate_cache()
            with pytest.raises(SourceError, match="access is denied; check the credentials"):
                find_objects(url)
