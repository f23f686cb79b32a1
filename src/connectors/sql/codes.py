"""What databases mean by their error codes.

PostgreSQL and what follows the SQL standard name an SQLSTATE (PostgreSQL documentation, appendix A), MariaDB and MySQL
a number (MariaDB documentation, "Error Codes"), SQLite a result code (sqlite.org/rescode.html), Oracle an ORA number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...core.adapter import Mapped
from ...core.errors import (
    BusinessRule,
    CommitUnknown,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    Forbidden,
    GatewayError,
    Throttled,
    Unauthenticated,
)

TAKEN: Final = Mapped(Conflict)  # another record has this unique value
CONTENDED: Final = Mapped(Conflict, transient=True)  # deadlock victim, serialization failure, lock timeout
CONTENT: Final = Mapped(BusinessRule)
TOO_SLOW: Final = Mapped(Throttled)  # a limit of time or of connections
FULL: Final = Mapped(Throttled, outage=True)
NOT_ALLOWED: Final = Mapped(Forbidden)
READ_ONLY: Final = Mapped(Forbidden, transient=True, outage=True)
NO_LOGIN: Final = Mapped(Unauthenticated)
LOST: Final = Mapped(ConnectionLost)
AWAY: Final = Mapped(ConnectFailed)
BROKEN: Final = Mapped(GatewayError)  # the database says that it itself is broken
IN_DOUBT: Final = Mapped(CommitUnknown)


def _each(codes: Iterable[str], mapped: Mapped) -> dict[str, Mapped]:
    return dict.fromkeys(codes, mapped)


SQLSTATES: Final[Mapping[str, Mapped]] = {
    **_each(("23505", "23P01"), TAKEN),
    **_each(("40001", "40P01", "55P03", "55006", "40002"), CONTENDED),
    **_each(("57014", "HYT00", "HYT01", "53300", "53400"), TOO_SLOW),
    **_each(("53000", "53100", "53200"), FULL),
    **_each(("25006",), READ_ONLY),
    **_each(("42501", "42000.229", "0LP01"), NOT_ALLOWED),
    **_each(("57P01", "57P02", "57P04", "57P05", "25P03", "25P04", "08S01"), LOST),
    **_each(("57P03",), AWAY),
    **_each(("40003", "08007"), IN_DOUBT),
}
"""Single SQLSTATEs; `CLASSES` has the rest by their first two characters."""

CLASSES: Final[Mapping[str, Mapped]] = {
    **_each(
        ("10", "22", "23", "21", "42", "0A", "2B", "2D", "2F", "38", "39", "44", "45", "54", "P0", "HV", "26"), CONTENT
    ),
    **_each(("20", "24", "27", "34", "3B", "3D", "3F", "09", "0B", "0F", "0L", "0P", "0Z", "2C", "03", "02"), CONTENT),
    **_each(("25", "40", "55", "F0"), CONTENT),
    **_each(("28",), NO_LOGIN),
    **_each(("08",), LOST),
    **_each(("53",), FULL),
    **_each(("57", "58", "XX"), BROKEN),
    **_each(("72",), CONTENDED),
}

MYSQL: Final[Mapping[str, Mapped]] = {
    **_each(("1062", "1586", "1022"), TAKEN),
    **_each(("1213", "1205", "1020", "3572", "1637"), CONTENDED),
    **_each(("1216", "1217", "1451", "1452", "1048", "1364", "4025", "3819", "1644", "1690"), CONTENT),
    **_each(("1264", "1265", "1292", "1366", "1406", "1411", "1267", "1365", "1441", "3988"), CONTENT),
    **_each(("1049", "1054", "1064", "1146", "1305", "1318", "1136", "1051", "1109", "1172", "1242"), CONTENT),
    **_each(("1969", "3024", "1317", "1028", "1038", "1040", "1203", "1226", "1129"), TOO_SLOW),
    **_each(("1021", "1041", "1037", "1114", "1030", "1047"), FULL),
    **_each(("1290", "1792", "1836", "3100"), READ_ONLY),
    **_each(("1044", "1142", "1143", "1227", "1370", "1419"), NOT_ALLOWED),
    **_each(("1045", "1698", "1251", "1820", "1862"), NO_LOGIN),
    **_each(("2002", "2003", "2004", "2005", "2026"), AWAY),
    **_each(("2006", "2013", "2014", "2027", "2055", "1053", "1927", "1152", "1153", "1158", "1159", "4031"), LOST),
    **_each(("1160", "1161", "1184", "1077", "1080", "3032"), LOST),
    **_each(("1180", "1181"), IN_DOUBT),
}

SQLITE: Final[Mapping[str, Mapped]] = {
    **_each(("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"), TAKEN),
    **_each(("SQLITE_BUSY", "SQLITE_LOCKED"), CONTENDED),
    **_each(("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_ERROR", "SQLITE_SCHEMA"), CONTENT),
    **_each(("SQLITE_FULL", "SQLITE_NOMEM"), FULL),
    **_each(("SQLITE_READONLY",), READ_ONLY),
    **_each(("SQLITE_AUTH", "SQLITE_PERM"), NOT_ALLOWED),
    **_each(("SQLITE_INTERRUPT", "SQLITE_ABORT"), TOO_SLOW),
    **_each(("SQLITE_CANTOPEN",), AWAY),
    **_each(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_PROTOCOL", "SQLITE_INTERNAL"), BROKEN),
}
"""Primary codes; of an extended one (`SQLITE_BUSY_SNAPSHOT`) the longest beginning that is here counts."""

ORACLE: Final[Mapping[str, Mapped]] = {
    **_each(("ORA-00001",), TAKEN),
    **_each(("ORA-00060", "ORA-08177", "ORA-00054", "ORA-30006", "ORA-02049"), CONTENDED),
    **_each(("ORA-01400", "ORA-01407", "ORA-02290", "ORA-02291", "ORA-02292", "ORA-12899", "ORA-01438"), CONTENT),
    **_each(("ORA-00942", "ORA-00904", "ORA-00900", "ORA-01722", "ORA-01861", "ORA-06550"), CONTENT),
    **_each(("ORA-01013", "ORA-00018", "ORA-00020", "ORA-02391"), TOO_SLOW),
    **_each(("ORA-16000", "ORA-01552"), READ_ONLY),
    **_each(("ORA-01031",), NOT_ALLOWED),
    **_each(("ORA-01017", "ORA-28000", "ORA-28001", "ORA-01005"), NO_LOGIN),
    **_each(("ORA-12541", "ORA-12514", "ORA-12505", "ORA-12170", "ORA-01034", "ORA-01033"), AWAY),
    **_each(("ORA-03113", "ORA-03114", "ORA-03135", "ORA-00028", "ORA-02396", "ORA-01089"), LOST),
    **_each(("ORA-02054",), IN_DOUBT),
}

SQLSERVER_NUMBERS: Final[Mapping[str, Mapped]] = {
    **_each(("2627", "2601"), TAKEN),
    **_each(("1205", "1222", "3960", "3961"), CONTENDED),
    **_each(("547", "515", "8152", "2628", "245"), CONTENT),
    **_each(("229", "230", "262"), NOT_ALLOWED),
    **_each(("3906", "976"), READ_ONLY),
    **_each(("18456",), NO_LOGIN),
}
"""SQL Server's own numbers, which its driver names in the text behind the SQLSTATE: `… (2627) (SQLExecDirectW)`."""
