# SPDX-License-Identifier: Apache-2.0
"""Opens a sink by its address. Libraries of servers are imported only if their scheme is used.

Nothing is connected to yet, so that a server that is down keeps nobody from watching.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from minewatch.alerts.forms.named import JSON_FORMS, Form, form_named
from minewatch.alerts.forms.syslog import FACILITIES
from minewatch.alerts.sinks import lines, syslog, webhook
from minewatch.alerts.sinks.place import (
    MAX_ADDRESS,
    Options,
    options_of,
    revealed,
    secret,
    server_of,
)
from minewatch.contracts import Sink
from minewatch.errors import ConfigError

EXAMPLES: Final = (
    *("jsonl:PATH", "eve:PATH", "syslog://HOST:514", "syslog+tcp://HOST:601"),
    *("syslog+tls://HOST:6514", "syslog:///dev/log", "webhook:https://HOST/PATH"),
    *("slack:https://hooks.slack.com/PATH", "kafka://BROKER:9092/TOPIC"),
    *("nats://HOST:4222/SUBJECT", "prometheus://:9477", "sql:sqlite:///PATH"),
)


def open_sink(address: str) -> Sink:
    """Return the sink of an address.

    Parameters
    ----------
    address : scheme, place and options, such as ``jsonl:alerts.jsonl?keep=3``.

    Raises
    ------
    ConfigError : there is no such kind, a part is missing or wrong, or its library is not here.

    Examples
    --------
    >>> open_sink("jsonl:alerts.jsonl?max_mib=16&keep=3").name
    'jsonl:alerts.jsonl'
    >>> open_sink("pigeon:roof")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minewatch.errors.ConfigError: pigeon: no such kind of sink; write one of jsonl:PATH, ...
    """
    scheme, colon, place = address.partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in _KINDS:
        shown = scheme if colon and scheme.isprintable() and len(scheme) < 32 else "an address"
        raise ConfigError(f"{shown}: no such kind of sink; write one of {', '.join(EXAMPLES)}")
    if not place or len(address) > MAX_ADDRESS:
        raise ConfigError(f"{scheme}: name a place, in at most {MAX_ADDRESS:,} characters")
    return _KINDS[scheme](scheme, place)


def _file(scheme: str, place: str) -> Sink:
    path, _, query = place.partition("?")
    options = options_of(query)
    max_octets = options.number("max_mib", lines.MAX_MIB, 1, 1 << 20) << 20
    keep = options.number("keep", lines.KEEP, 0, 1_000)
    form = _json_form(options, "eve" if scheme == "eve" else "json")
    options.finish()
    path = unquote(path)
    if path != lines.STANDARD_OUTPUT:
        folder = Path(path).parent
        if "\0" in path or not folder.is_dir():
            raise ConfigError(f"{scheme}: {folder}: no such folder")
        if Path(path).is_dir():
            raise ConfigError(f"{scheme}: {path}: a folder; name a file in it")
    return lines.LineSink(f"{scheme}:{path}", path, form, max_octets, keep)


def _syslog(scheme: str, place: str) -> Sink:
    server, path, options = _parted(scheme, place)
    writing = syslog.Writing(
        form_named(options.text("form", "text")),
        _facility(options),
        options.text("hostname") or socket.gethostname(),
    )
    if scheme == "syslog" and not server:
        options.finish()
        return syslog.DatagramSink(f"{scheme}://{path}", path, writing)
    host, port = server_of(server, syslog.TLS_PORT if scheme == "syslog+tls" else syslog.PORT)
    context = _tls_context(options) if scheme == "syslog+tls" else None
    options.finish()
    name = f"{scheme}://{_shown(host, port)}"
    if scheme == "syslog":
        return syslog.DatagramSink(name, (host, port), writing)
    return syslog.StreamSink(name, (_needed(scheme, host), port), writing, context)


def _tls_context(options: Options) -> ssl.SSLContext:
    authorities = options.text("ca_file") or None
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ca_file={authorities}: no certificates: {error}") from error


def _webhook(scheme: str, place: str) -> Sink:
    url, _, fragment = revealed(place).partition("#")
    options = options_of(fragment)
    form = _json_form(options, "slack" if scheme == "slack" else "json")
    key = secret(options)
    timeout_s = options.number("timeout_s", webhook.TIMEOUT_S, 1, 300)
    options.finish()
    hook = webhook.hook_of(url)
    return webhook.WebhookSink(f"{scheme}:{hook.shown}", hook, form, key, timeout_s)


def _kafka(scheme: str, place: str) -> Sink:
    from minewatch.alerts.sinks import kafka

    servers, topic, options = _parted(scheme, place)
    form = form_named(options.text("form", "json"))
    timeout_s = options.number("timeout_s", kafka.TIMEOUT_S, 1, 300)
    path = options.text("settings_file")
    options.finish()
    if not topic.strip("/") or not servers:
        raise ConfigError("kafka://BROKER:9092/TOPIC: name a broker and a topic")
    brokers = [server_of(server, kafka.PORT) for server in servers.split(",")]
    settings = kafka.settings_of(path) if path else {}
    settings["bootstrap.servers"] = ",".join(_shown(*broker) for broker in brokers)
    name = f"kafka://{settings['bootstrap.servers']}{topic}"
    return kafka.KafkaSink(name, settings, topic.strip("/"), form, timeout_s)


def _nats(scheme: str, place: str) -> Sink:
    from minewatch.alerts.sinks import nats

    server, subject, options = _parted(scheme, place)
    form = form_named(options.text("form", "json"))
    is_stream = options.flag("jetstream")
    credentials = options.text("credentials_file")
    context = nats.tls_context(options.text("ca_file")) if scheme == "nats+tls" else None
    options.finish()
    subject = subject.strip("/")
    host, port = server_of(server, nats.PORT)
    if not subject or any(c in " *>\t\r\n" for c in subject):
        raise ConfigError("nats://HOST:4222/SUBJECT: name a subject, without * and >")
    inner = "tls" if scheme == "nats+tls" else "nats"
    place = _shown(_needed(scheme, host), port)
    return nats.NatsSink(
        f"{scheme}://{place}/{subject}",
        f"{inner}://{place}",
        subject,
        form,
        is_stream,
        credentials=credentials,
        context=context,
    )


def _prometheus(scheme: str, place: str) -> Sink:
    from minewatch.alerts.sinks import prometheus

    server, _, options = _parted(scheme, place)
    options.finish()
    host, port = server_of(server, prometheus.PORT)
    shown = _shown(host or prometheus.LOOPBACK, port)
    return prometheus.PrometheusSink(f"prometheus://{shown}", host, port)


def _sql(scheme: str, place: str) -> Sink:
    from minewatch.alerts.sinks import sql

    return sql.SqlSink(sql.place_of(revealed(place)))


def _parted(scheme: str, place: str) -> tuple[str, str, Options]:
    """Return server, path and options of ``//server/path?options``."""
    if not place.startswith("//"):
        raise ConfigError(f"{scheme}: write {scheme}://HOST")
    rest, _, query = place.removeprefix("//").partition("?")
    server, slash, path = rest.partition("/")
    if "@" in server:
        raise ConfigError(f"{scheme}: no user in the address; name a file of credentials")
    return server, slash + unquote(path), options_of(query)


def _json_form(options: Options, default: str) -> Form:
    name = options.text("form", default)
    if name not in JSON_FORMS:
        raise ConfigError(f"form={name}: one of {', '.join(sorted(JSON_FORMS))}")
    return form_named(name)


def _facility(options: Options) -> int:
    name = options.text("facility", "authpriv")
    if name not in FACILITIES:
        raise ConfigError(f"facility={name}: one of {', '.join(FACILITIES)}")
    return FACILITIES[name]


def _needed(scheme: str, host: str) -> str:
    if not host:
        raise ConfigError(f"{scheme}: name a host: {scheme}://HOST")
    return host


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_KINDS: Final[dict[str, Callable[[str, str], Sink]]] = {
    **dict.fromkeys(("jsonl", "eve"), _file),
    **dict.fromkeys(("syslog", "syslog+tcp", "syslog+tls"), _syslog),
    **dict.fromkeys(("webhook", "slack"), _webhook),
    **dict.fromkeys(("nats", "nats+tls"), _nats),
    "kafka": _kafka,
    "prometheus": _prometheus,
    "sql": _sql,
}
