# SPDX-License-Identifier: Apache-2.0
"""TLS as pools and miners use it: a self-signed certificate that nobody checks."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Version: TypeAlias = Literal["1.2", "1.3"]
"""The newest TLS version that a context offers."""

_VERSIONS: dict[Version, ssl.TLSVersion] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where a certificate and its key lie, both PEM."""

    certificate: Path
    key: Path


def self_signed_certificate(folder: Path, common_name: str, days: int = 30) -> Certificate:
    """Make an RSA-2048 certificate with the ``openssl`` program (Debian package openssl).

    Parameters
    ----------
    folder : where ``<common_name>.crt`` and ``<common_name>.key`` are written.
    common_name : subject, and the one DNS name in it.
    days : validity [days].

    Raises
    ------
    FileNotFoundError : there is no ``openssl`` program.
    subprocess.CalledProcessError : it failed; ``stderr`` says why.
    """
    made = Certificate(folder / f"{common_name}.crt", folder / f"{common_name}.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)]
    command += ["-subj", f"/CN={common_name}", "-addext", f"subjectAltName=DNS:{common_name}"]
    command += ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return made


def server_context(made: Certificate, newest: Version = "1.3") -> ssl.SSLContext:
    """Return the context of a pool or a server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    context.maximum_version = _VERSIONS[newest]
    return context


def miner_context(newest: Version = "1.3") -> ssl.SSLContext:
    """Return the context of a miner: OpenSSL's own settings and no check of the certificate.

    XMRig does the same unless a fingerprint is configured; its hello is 297 octets, and so is ours.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT")
    # Python asks OpenSSL to pad the hello to 512 octets (part of OP_ALL); XMRig does not.
    context.options &= ~ssl.OP_ALL
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = _VERSIONS[newest]
    return context
