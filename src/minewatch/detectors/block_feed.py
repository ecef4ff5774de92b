# SPDX-License-Identifier: Apache-2.0
"""When the blocks of a chain were found: from a node of the Monero kind, if the user names one.

Nothing is asked of anybody else: no redirection is followed, and no proxy is used.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from minewatch.detectors.block_times import BlockTimes, block_times
from minewatch.errors import ConfigError, SourceError

TIMEOUT_S: Final = 10.0
HEADERS_A_CALL: Final = 500
"""A restricted node refuses more than 1,000 headers."""
MAX_BLOCKS: Final = 50_000
"""Blocks of a span at most: ten weeks of Monero."""
MAX_ANSWER_OCTETS: Final = 4 << 20
"""500 headers take about 600 kB."""
MAX_HEIGHT: Final = 1 << 40


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirection: it may lead to anybody."""


class MonerodBlocks:
    """Block headers of a node that speaks monerod's JSON-RPC.

    The times are those in the headers, which miners set when they began on the block. Where that
    is up to a minute before it was found, nothing follows them: of 100 simulated miners of 118
    minutes all are found with the times of arrival and none with such times. So this is for chains
    whose pools date blocks to some seconds; else log arrivals and use a file.

    Parameters
    ----------
    url : of the node, such as ``http://127.0.0.1:18081``; ``/json_rpc`` is added to a bare one.
    timeout_s : for each answer.

    Raises
    ------
    ConfigError : the URL is not one of HTTP, or holds a password.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        try:
            parts = urlsplit(url if url.isascii() and url.isprintable() else "")
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(
                f"{url[:80]}: not the address of a node; write http://127.0.0.1:18081"
            )
        if parts.username is not None or parts.password is not None:
            raise ConfigError("the address of a node must not hold a user or a password")
        path = parts.path if parts.path.strip("/") else "/json_rpc"
        self.url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        self.timeout_s = timeout_s
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def between(self, from_s: float, to_s: float) -> BlockTimes:
        """Return the blocks of a span of time.

        Parameters
        ----------
        from_s : seconds since 1970.
        to_s : the same.

        Raises
        ------
        SourceError : the node cannot be asked, or answers what is no block header.
        ConfigError : these are more than ``MAX_BLOCKS``.
        """
        tip = self._header("get_last_block_header", {})
        top = self._height(tip)
        low = self._first_from(from_s, top)
        high = self._first_from(to_s, top)
        if high - low >= MAX_BLOCKS:
            raise ConfigError(
                f"{self.url}: {high - low + 1:,} blocks in that time, {MAX_BLOCKS:,} at most; ask "
                "for the time of the capture"
            )
        seconds: list[float] = []
        for start in range(low, high + 1, HEADERS_A_CALL):
            end = min(start + HEADERS_A_CALL - 1, high)
            span = {"start_height": start, "end_height": end}
            headers = self._call("get_block_headers_range", span).get("headers")
            if not isinstance(headers, list) or len(headers) > HEADERS_A_CALL:
                raise self._strange("no list of headers")
            seconds += [self._time(header) for header in headers]
        return block_times([one for one in seconds if from_s <= one <= to_s], self.url)

    def _first_from(self, time_s: float, top: int) -> int:
        """The height of the first block of a time or later, about; the last if there is none."""
        low, high = 0, top
        while low < high:
            middle = (low + high) // 2
            header = self._header("get_block_header_by_height", {"height": middle})
            if self._time(header) < time_s:
                low = middle + 1
            else:
                high = middle
        return low

    def _header(self, method: str, parameters: Mapping[str, int]) -> Any:
        return self._call(method, parameters).get("block_header")

    def _height(self, header: Any) -> int:
        height = header.get("height") if isinstance(header, dict) else None
        if type(height) is not int or not 0 <= height < MAX_HEIGHT:
            raise self._strange("a header without a height")
        return height

    def _time(self, header: Any) -> float:
        time_s = header.get("timestamp") if isinstance(header, dict) else None
        if type(time_s) is not int or not 0 <= time_s < 1 << 33:
            raise self._strange("a header without a time")
        return float(time_s)

    def _call(self, method: str, parameters: Mapping[str, int]) -> Mapping[str, Any]:
        question = {"jsonrpc": "2.0", "id": "0", "method": method, "params": dict(parameters)}
        request = urllib.request.Request(
            self.url,
            json.dumps(question).encode(),
            {"Content-Type": "application/json", "User-Agent": "minewatch"},
        )
        try:
            with self._opener.open(request, timeout=self.timeout_s) as answer:
                text = answer.read(MAX_ANSWER_OCTETS + 1)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            reason = getattr(error, "reason", None) or error
            raise SourceError(
                self.url, f"the node does not answer ({reason}); is it up, and is this its RPC?"
            ) from error
        if len(text) > MAX_ANSWER_OCTETS:
            raise self._strange(f"more than {MAX_ANSWER_OCTETS:,} octets")
        try:
            result = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._strange("no JSON") from error
        found = result.get("result") if isinstance(result, dict) else None
        if not isinstance(found, dict):
            said = result.get("error") if isinstance(result, dict) else None
            raise self._strange(f"no result for {method}: {str(said)[:80]!r}")
        return found

    def _strange(self, what: str) -> SourceError:
        return SourceError(self.url, f"answers {what}; name the RPC of a monerod, or use a file")
