"""Everything that can go wrong, by who must act. Nothing here prints or logs.

FeedError
    DefinitionError   the YAML is wrong              the feed's author    never retried
    SecretMissing     a secret has no value          the operator         retried at the next run
    DecodeError       not the declared format        the sender           the delivery is refused
    RecordError       one record cannot be used      the sender           quarantined, the run goes on
    EncodeError       an item cannot be written      the export's author  it is not sent
    DeliveryRefused   a guard tripped                a person             the file stays where it was
    LeaseHeld         another run has this feed      nobody               exit code 6
    LeaseLost         another run took this feed     nobody               the other run goes on
    RunOverdue        a run took too long            the operator         retried at the next run
    StoreError        the database cannot be used    the operator         retried at the next run
    DiskError         our own disk cannot be used    the operator         retried at the next run

The far side has a tree of its own in `transports/base.py`: TransportError.
"""


class FeedError(Exception):
    """Root of the engine's errors; its text is fit to be shown to a person."""


class DefinitionError(FeedError):
    """A definition is wrong. `findings` says where (see `engine/language/findings.py`)."""

    def __init__(self, message: str, findings: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class SecretMissing(FeedError):
    """A `${secret.NAME}` has no value in the environment, the secrets file or the keyring."""


class DecodeError(FeedError):
    """The bytes are not what the definition declares; no record of this delivery is stored."""

    def __init__(self, code: str, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.line = line


class RecordError(FeedError):
    """One value or record cannot be used.

    `code` is stable ("date.unreadable"): reports, tests and `quarantine replay --code` rely on it.
    The message says what was expected and what was found, and never carries a person's data.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class EncodeError(FeedError):
    """What an export would send cannot be written in its format.

    `code` is stable ("encode.missing"), `field` the name of the field ("prospect.customer.contact"). The message
    never holds a value.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class DeliveryRefused(FeedError):
    """A whole delivery is kept out: wrong header, a guard, an empty file. Remembered by its hash."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class LeaseHeld(FeedError):
    """Another live process runs this feed."""


class LeaseLost(FeedError):
    """The fence moved on while we worked: nothing of this transaction may be committed."""


class RunOverdue(FeedError):
    """A run went on past its `schedule.timeout`; what it has stored stays."""


class StoreError(FeedError):
    """The database cannot be reached or is not at the version this engine needs."""


class DiskError(FeedError):
    """The archive of sealed copies cannot be read or written: full, damaged, or not ours to write."""
