# SPDX-License-Identifier: Apache-2.0
"""URLs as arguments: told from files, and shown without what may be secret in them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from minewatch.errors import SourceError

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_URL_IN_TEXT: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_NAMES_CONTAINER: Final = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Azure writes ``abfss://container@account/``: what stands before the @ is no secret."""


def is_url(text: str) -> bool:
    """Return whether an argument is a URL, and no file.

    Parameters
    ----------
    text : the argument.

    Examples
    --------
    >>> is_url("s3://bucket/logs/"), is_url("logs/a.gz")
    (True, False)
    """
    return _URL.match(text) is not None


def is_web(url: str) -> bool:
    """Return whether a URL is of a web server, which has no folders and may not give parts.

    Parameters
    ----------
    url : the URL.
    """
    return url.lower().startswith(("http://", "https://"))


def local_path(argument: str) -> str | None:
    """Return the path of a file on this machine, None if the argument is a URL elsewhere.

    Parameters
    ----------
    argument : a path or a URL; ``file://`` is of this machine (RFC 8089).

    Examples
    --------
    >>> local_path("file:///var/log/a%20b.gz")
    '/var/log/a b.gz'
    >>> local_path("gs://bucket/a.gz") is None
    True
    """
    if not is_url(argument):
        return argument
    parts = urlsplit(argument)
    if parts.scheme != "file":
        return None
    if parts.netloc not in ("", "localhost"):
        raise SourceError(printable_url(argument), "a file of another machine; write file:///path")
    return unquote(parts.path)


def printable_url(url: str) -> str:
    """Return a URL without what may be secret: user, password and query.

    Parameters
    ----------
    url : as the user gave it, or a library.

    Examples
    --------
    >>> printable_url("https://me:secret@logs.example/a.gz?X-Amz-Signature=0123")
    'https://logs.example/a.gz'
    >>> printable_url("abfss://flows@account.dfs.core.windows.net/a.json")
    'abfss://flows@account.dfs.core.windows.net/a.json'
    """
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    if at and (scheme.lower() not in _NAMES_CONTAINER or ":" in user):
        host = place
    return f"{scheme}://{host}{slash}{path}"


def without_secrets(text: str) -> str:
    """Return a library's message, with the URLs in it made printable.

    Parameters
    ----------
    text : the message.

    Examples
    --------
    >>> without_secrets("404, message='Not Found', url='https://a.example/x?sig=0123'")
    "404, message='Not Found', url='https://a.example/x'"
    """
    return _URL_IN_TEXT.sub(lambda match: printable_url(match[0]), text)
