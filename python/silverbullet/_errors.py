"""What can go wrong, under one base class. A message names the thing and what would be right."""


class SilverBulletError(Exception):
    """Anything that this package refuses or fails at."""


class InputError(SilverBulletError, ValueError):
    """An argument that nothing can be computed from."""


class InfeasibleError(InputError):
    """Bounds, constraints or a target that no weights satisfy."""


class KernelMismatchError(SilverBulletError):
    """Parts of a run that were computed by different kernels, whose bits need not agree."""


class MissingDependencyError(SilverBulletError, ImportError):
    """A package that is needed for this and not installed."""


class ConnectionFailedError(SilverBulletError, ConnectionError):
    """A server that does not answer, or not to us."""


class AccessDeniedError(ConnectionFailedError):
    """A server that refuses the password, or what the role asks for."""


class CassandraError(SilverBulletError):
    """Cassandra does not do what it was asked to."""


class TablesError(CassandraError):
    """Tables that are not there, or not those of this version."""


class QueryError(SilverBulletError):
    """A statement that the server refused."""


for _class in (
    SilverBulletError,
    InputError,
    InfeasibleError,
    KernelMismatchError,
    MissingDependencyError,
    ConnectionFailedError,
    AccessDeniedError,
    CassandraError,
    TablesError,
    QueryError,
):
    # Tracebacks and pickles name the place they are imported from.
    _class.__module__ = "silverbullet"
