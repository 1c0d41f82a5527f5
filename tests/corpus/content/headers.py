"""C6, C8: the 24 ways in which a header drifts, and files with nothing in them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

HEADER = "CustomerNo,First.Name,SoldDate,Amount.Financed,VIN"
ROWS = "C1,Ann,01/28/2022,48250.00,1ZZTEST0000000001\nC2,Bo,01/29/2022,,1ZZTEST0000000002\n"
MOVED = "Ann,C1,01/28/2022,48250.00,1ZZTEST0000000001\n"


def files() -> Iterator[tuple[str, Callable[[], bytes], Mapping[str, Any]]]:
    for name, text, settings in (*drifted(), *empty()):
        yield name, text.encode, {"format": "csv", **settings}


def drifted() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    good = f"{HEADER}\n{ROWS}"
    yield "as-declared", good, {}
    yield "mark", f"\ufeff{good}", {}
    yield "case", f"{HEADER.upper()}\n{ROWS}", {}
    yield "spaces-around", f"{' , '.join(HEADER.split(','))} \n{ROWS}", {}
    yield "no-break-space", good.replace("SoldDate", "\u00a0SoldDate\u00a0"), {}
    yield "no-break-space-inside", good.replace("SoldDate", "Sold\u00a0Date"), {}
    yield "nfc", good.replace("First.Name", "Prénom"), {}
    yield "nfd", good.replace("First.Name", "Pre\u0301nom"), {}
    yield "underscores", good.replace("First.Name", "First_Name"), {}
    yield "quoted", ",".join(f'"{name}"' for name in HEADER.split(",")) + f"\n{ROWS}", {}
    yield "duplicate", good.replace("First.Name", "VIN"), {}
    yield "duplicate-after-cleaning", good.replace("First.Name", " VIN "), {}
    yield "renamed", good.replace("SoldDate", "Contract Signing Date"), {}
    yield "reordered", f"First.Name,CustomerNo,{HEADER.split(',', 2)[2]}\n{MOVED}", {}
    yield "missing-optional", "CustomerNo,SoldDate,VIN\nC1,01/28/2022,1ZZTEST0000000001\n", {}
    yield "missing-required", "CustomerNo,First.Name\nC1,Ann\n", {}
    yield "extra-at-the-end", f"{HEADER},Salesperson\n{ROWS.replace(chr(10), ',Cy' + chr(10))}", {}
    yield "extra-in-the-middle", f"{HEADER.replace('SoldDate', 'Store,SoldDate')}\n{ROWS.replace(',0', ',S1,0')}", {}
    yield "empty-name", good.replace("SoldDate", ""), {}
    yield "empty-first-name", good.replace("CustomerNo", " "), {}
    yield "twice", f"{HEADER}\n{good}", {}
    yield "again-in-the-middle", f"{good}{good}", {}
    yield "after-a-preamble", f"Sales report\nAcme RV\n\n{good}", {}
    yield "after-a-preamble-skipped", f'Sales "report\nAcme RV\n\n{good}', {"skipRows": 3}
    yield "none", ROWS, {}
    yield "none-and-declared", ROWS, {"header": False, "columns": HEADER.split(",")}
    yield "only", f"{HEADER}\n", {}
    yield "other-delimiter", good.replace(",", ";"), {}
    yield "trailing-delimiter", f"{HEADER},\n{ROWS.replace(chr(10), ',' + chr(10))}", {}
    yield "trailing-delimiter-in-the-header-only", f"{HEADER},\n{ROWS}", {}
    yield "trailing-delimiters", f"{HEADER},,,\n{ROWS.replace(chr(10), ',,,' + chr(10))}", {}
    yield "tab-in-a-name", good.replace("SoldDate", "Sold\tDate"), {}
    yield "line-end-in-a-name", good.replace("SoldDate", '"Sold\nDate"'), {}
    yield "translated", f"KundenNr,Vorname,Verkauft,Betrag,FIN\n{ROWS}", {}
    yield "another-file", "WONumber,Customer,Open Date\nW1,C1,01/28/2022\n", {}
    yield "not-a-table", "<html><body>Login expired</body></html>\n", {}


def empty() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "empty-file", "", {}
    yield "empty-line", "\n", {}
    yield "empty-lines", "\r\n\r\n\n", {}
    yield "blanks", " \t \n  \n", {}
    yield "mark-only", "\ufeff", {}
    yield "mark-and-blanks", "\ufeff  \n", {}
    yield "header-without-line-end", HEADER, {}
    yield "header-and-blank-lines", f"{HEADER}\r\n\r\n\r\n", {}
    yield "header-of-commas", ",,,,\n", {}
    yield "rows-of-commas", f"{HEADER}\n,,,,\n,,,,\n", {}
    yield "skipped-altogether", f"{HEADER}\n", {"skipRows": 5}
    yield "no-lines", "", {"format": "lines"}
    yield "no-json", "", {"format": "json"}
    yield "no-jsonl", "\n\n", {"format": "jsonl"}
    yield "no-xml", " ", {"format": "xml"}
    yield "no-form", "", {"format": "form"}
    yield "no-workbook", "", {"format": "xlsx"}
    yield "no-fixed", "\n", {"format": "fixedWidth", "columns": [{"name": "a", "start": 1, "width": 2}]}
