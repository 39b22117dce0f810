"""The host key that a machine shows, before anyone trusts it.

The one place in migrations_app that speaks to a machine: an operator must compare the fingerprint while registering, so it
is fetched while the page is answered. Only the key exchange is made; nobody signs in and no command is run.
"""

import asyncio
from dataclasses import dataclass

import asyncssh
from asgiref.sync import async_to_sync
from django.core.exceptions import ValidationError

TIME_LIMIT_S = 8.0


@dataclass(frozen=True)
class SeenKey:
    """A public host key and the SHA-256 fingerprint that `ssh-keygen -lf` shows for it."""

    line: str
    fingerprint: str
    algorithm: str


def fetch_host_key(address: str, port: int) -> SeenKey:
    """Ask the machine for its host key; ValidationError says why there is none."""
    try:
        key = async_to_sync(_fetch)(address, port)
    except (OSError, asyncssh.Error, TimeoutError) as error:
        reason = str(error) or "it did not answer in time"
        raise ValidationError(
            f"No host key from {address} port {port}: {reason}. Check the address, and that sshd runs there."
        ) from error
    if key is None:
        raise ValidationError(f"{address} port {port} shows no host key that can be used: check its sshd.")
    return seen(key)


async def _fetch(address: str, port: int) -> asyncssh.SSHKey | None:
    # ed25519 first, so that the same key is seen each time a host has several
    algorithms = ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256"]
    return await asyncio.wait_for(
        asyncssh.get_server_host_key(address, port, server_host_key_algs=algorithms, config=None), TIME_LIMIT_S
    )


def seen(key: asyncssh.SSHKey) -> SeenKey:
    """A key as the page shows and the database keeps it."""
    line = key.export_public_key("openssh").decode().strip()
    return SeenKey(" ".join(line.split()[:2]), key.get_fingerprint("sha256"), key.get_algorithm())


def fingerprint_of(line: str) -> str:
    """The fingerprint of a pinned key; empty when it cannot be read."""
    try:
        return asyncssh.import_public_key(line).get_fingerprint("sha256")
    except asyncssh.KeyImportError:
        return ""
