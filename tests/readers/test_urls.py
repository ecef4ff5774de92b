# SPDX-License-Identifier: Apache-2.0
import pytest

from minewatch.errors import SourceError
from minewatch.readers.urls import is_url, is_web, local_path, printable_url, without_secrets


@pytest.mark.parametrize(
    "text", ["s3://b/k", "gs://b", "abfss://c@a.dfs.core.windows.net/x", "svn+ssh://h/x", "S3://b"]
)
def test_what_is_a_url(text):
    assert is_url(text)
    assert local_path(text) is None


@pytest.mark.parametrize("text", ["a.pcap", "s3:/b", "C:\\a", "-", "", "://x", "3d://x", "a b://c"])
def test_what_is_no_url(text):
    assert not is_url(text)
    assert local_path(text) == text


def test_a_url_of_this_machine():
    assert local_path("file:///a/b%5B1%5D.pcap") == "/a/b[1].pcap"
    assert local_path("file://localhost/a") == "/a"
    assert local_path("FILE:///a") == "/a"
    with pytest.raises(SourceError, match="a file of another machine; write file:///path"):
        local_path("file://me:secret@server/a")


def test_no_secret_of_a_file_of_another_machine_is_told():
    with pytest.raises(SourceError) as caught:
        local_path("file://me:secret@server/a")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/b.gz", "s3://bucket/a/b.gz"),
        ("sftp://me:secret@host:22/a@b", "sftp://host:22/a@b"),
        ("https://token@host/a?sig=1&x=2#part", "https://host/a"),
        ("https://a:b@c:d@host/", "https://host/"),
        ("https://host?sig=secret", "https://host"),
        ("https://host/a;b#sig", "https://host/a;b"),
        ("abfss://flows@acct.dfs.core.windows.net/a", "abfss://flows@acct.dfs.core.windows.net/a"),
        ("abfss://flows:secret@acct.dfs.core.windows.net/a", "abfss://acct.dfs.core.windows.net/a"),
    ],
)
def test_what_is_shown_of_a_url(url, shown):
    assert printable_url(url) == shown


def test_secrets_in_the_words_of_a_library():
    text = "cannot get https://u:p@h/a?sig=s3cret, nor 's3://k:v@b/x?y'; see http://docs.example/#q"
    assert without_secrets(text) == (
        "cannot get https://h/a nor 's3://b/x'; see http://docs.example/"
    )


def test_the_web():
    assert is_web("HTTPS://host/a")
    assert is_web("http://host/a")
    assert not is_web("httpfs://host/a")
