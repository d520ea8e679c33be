"""All security services, built once from their stores: what `create_app` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pynomaly.domain.accounts import AccountRepositories, PersonalDataSource
from pynomaly.domain.audit import AuditRepository
from pynomaly.security.anchor import AnchorFile
from pynomaly.security.audit import AuditService
from pynomaly.security.auth import AuthService
from pynomaly.security.authorization import AuthzService
from pynomaly.security.encryption import EncryptionService
from pynomaly.security.epoch import Epoch
from pynomaly.security.foundation import Clock, Foundation
from pynomaly.security.keyring import Keyring
from pynomaly.security.personal_data import PersonalDataService
from pynomaly.security.second_factors import SecondFactors
from pynomaly.security.settings import SecuritySettings
from pynomaly.security.standing import Standing


@dataclass(frozen=True, slots=True)
class SecurityServices:
    """The services, and what of their own must follow a change of the encryption key."""

    auth: AuthService
    authz: AuthzService
    audit: AuditService
    encryption: EncryptionService
    personal_data: PersonalDataService
    second_factors: SecondFactors
    standing: Standing


def build_security(
    accounts: AccountRepositories,
    audit_repository: AuditRepository,
    keyring: Keyring,
    settings: SecuritySettings,
    clock: Clock,
    epoch: Epoch,
    personal_data: Sequence[PersonalDataSource] = (),
    anchor_file: AnchorFile | None = None,
) -> SecurityServices:
    """The services over these stores; `epoch` is a SharedEpoch where several processes serve."""
    audit = AuditService(audit_repository, settings, clock, anchor_file, accounts.users.count)
    foundation = Foundation(accounts, audit, settings, clock, epoch)
    encryption = EncryptionService(keyring)
    return SecurityServices(
        auth=AuthService(accounts, audit, encryption, settings, clock, epoch),
        authz=AuthzService(),
        audit=audit,
        encryption=encryption,
        personal_data=PersonalDataService(foundation, audit, personal_data),
        second_factors=SecondFactors(accounts.users),
        standing=Standing(foundation),
    )
