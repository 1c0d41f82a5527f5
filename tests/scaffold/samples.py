"""Sample files of many shapes, made here, each with what a draft has to make of it. All people are invented."""

import datetime
import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import openpyxl

SECRET_NAMES = ("Quill", "Zabriskie", "quill.z@example.net", "4155550155", "(415) 555-0155", "9 Hidden Lane")


class Sample(NamedTuple):
    """`rows` that come in; parts of `decode`, of `fields` (by name), the `key`, the date."""

    file: str
    content: bytes
    rows: int
    fields: Mapping[str, Mapping[str, Any]] = {}
    decode: Mapping[str, Any] = {}
    key: Any = None
    occurred: str | None = None
    path: str | None = None
    has_test: bool = True


def table(*rows: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return "".join(f"{row}{end}" for row in rows).encode(encoding)


def dated(*values: str) -> bytes:
    """Tickets with these dates."""
    return table("Ticket,Created,Email", *(f'T{n},"{value}",t{n}@example.com' for n, value in enumerate(values, 1)))


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (
        ["A report", None, None, None],
        ["Invoice", "Date", "Name", "Total"],
        [7, datetime.date(2024, 5, 1), "Robin Vale", 12.5],
        [8, datetime.date(2024, 5, 2), "Sam Ito", 13],
    ):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


PLAIN = table("Order,Date,Name", "1,2024-05-13,Robin Vale", "2,2024-05-14,Sam Ito")
ORDERS = [
    {"id": 17, "orderDate": "2024-05-01", "customer": {"firstName": "Robin", "email": "r@example.com"}, "total": 12.5},
    {"id": 18, "orderDate": "2024-05-02", "customer": None, "total": 3, "tags": ["new"]},
]
NESTED = {
    "meta": {"count": 2, "pages": [{"n": 1}]},
    "data": {
        "repair orders": [
            {"number": "A-1", "closed at": "2024-05-01T10:00:00-05:00", "customer": {"E-Mail": "r@example.com"}},
            {"number": "A-2", "closed at": "2024-05-02T10:00:00-05:00", "customer": {"E-Mail": None}},
        ]
    },
}
XML = """<?xml version="1.0"?><Export xmlns="urn:x"><Orders>
<Order id="7"><Date>2024-05-01</Date><Buyer kind="p"><Name>Robin Vale</Name></Buyer>
<Total unit="USD">1.50</Total></Order>
<Order id="8"><Date>2024-05-02</Date><Buyer kind="p"><Name>Sam Ito</Name></Buyer>
<Total unit="USD">2.50</Total></Order>
</Orders></Export>"""
FIXED = table(
    "NUMBER DATE       NAME        TOTAL",
    "1001   05/13/2024 ROBIN VALE  12.50",
    "1002   05/14/2024 SAM ITO      3.00",
    "1003   05/15/2024 LEE MOREAU   0.10",
)
VEHICLES = table(
    "RO Number\tClosed Date\tFirst.Name\tLast.Name\tVIN\tOdometer\tYear\tMake\tModel\tAdvisor",
    "1001\t2024-05-01\tRobin\tVale\t1M8GDM9AXKP042788\t45,120\t2019\tRambler\tClassic\tKim",
    "1002\t2024-05-02\tSam\tIto\t\t\t2020\tRambler\tClassic\tKim",
)

SAMPLES = {
    "comma": Sample("a-1.csv", PLAIN, 2, {"name": {"column": "Name"}}, {}, [["order"]], "date"),
    "semicolon": Sample(
        "b-1.csv",
        table("Invoice No;Invoice Date;Customer;Total", "I-1;13.05.2024;Vale, R;1.284,50", "I-2;1.6.2024;Ito;-12,00"),
        2,
        {
            "total": {"type": "money", "transforms": [{"remove": "."}, {"replace": {"text": ",", "by": "."}}]},
            "invoiceDate": {"formats": ["%d.%m.%Y"]},
        },
        {"delimiter": ";"},
        [["invoiceNo"]],
    ),
    "tab and vehicle": Sample(
        "c-1.txt",
        VEHICLES,
        2,
        {
            "firstName": {"column": "First.Name"},
            "vin": {"type": "vin", "onError": "warn"},
            "odometer": {"type": "integer"},
            "year": {"type": "integer"},
            "advisor": {"column": "Advisor"},
        },
        {"delimiter": "\t"},
        [["roNumber"]],
        "closedDate",
    ),
    "bar": Sample(
        "d-1.csv",
        table(
            "deal_number|sold_date|buyer_first_name|cell_phone|home_phone|amount_financed",
            "D1|05/13/24|Robin|(202) 555-0101|202-555-0103|(1,284.50)",
            "D2|05/14/24|Sam|202.555.0102||$89.00",
        ),
        2,
        {
            "phone": {"column": "cell_phone", "type": "phone", "onError": "blank"},
            "phone2": {"column": "home_phone"},
            "amountFinanced": {"type": "money"},
            "soldDate": {"formats": ["%m/%d/%y"]},
        },
        {"delimiter": "|"},
    ),
    "windows-1252": Sample(
        "e-1.csv",
        table(
            "Receipt,Date,Name,Amount",
            "1,2024-05-01,José Núñez,€12.50",
            "2,2024-05-02,Zoë Ito,€1250",
            encoding="cp1252",
        ),
        2,
        {"amount": {"transforms": [{"remove": "€"}], "type": "money"}},
        {"encoding": ["utf-8", "windows-1252"]},
    ),
    "utf-8 mark": Sample("f-1.csv", b"\xef\xbb\xbf" + PLAIN, 2, {"order": {"column": "Order"}}),
    "utf-16": Sample("g-1.csv", PLAIN.decode().encode("utf-16"), 2, {"order": {"column": "Order"}}),
    "utf-16 unmarked": Sample(
        "h-1.csv", PLAIN.decode().encode("utf-16-le"), 2, decode={"encoding": ["utf-16-le"]}, has_test=False
    ),
    "dotted headers": Sample(
        "i-1.csv",
        table("Order.No,First.Name,Date.Sold", "1,Robin,2024-05-01", "2,Sam,2024-05-02"),
        2,
        {"orderNo": {"column": "Order.No"}},
    ),
    "duplicate headers": Sample(
        "j-1.csv",
        table("Number,Date,Note,Note", "17,2024-05-01,a,b", "18,2024-05-02,c,d"),
        2,
        {"note": {"column": "Note"}, "note2": {"column": "Note 2"}},
        {"header": False, "skipRows": 1, "columns": ["Number", "Date", "Note", "Note 2"]},
    ),
    "blank header": Sample(
        "k-1.csv", table(",Date,Name", "0,2024-05-01,Vale", "1,2024-05-02,Ito"), 2, decode={"header": False}
    ),
    "lines above": Sample(
        "l-1.csv",
        table("Sales of May,,", "", "Invoice,Date,Name", "7,2024-05-01,Vale", "8,2024-05-02,Ito"),
        2,
        decode={"skipRows": 2},
    ),
    "apostrophes": Sample(
        "m-1.csv",
        table("'Order','Date','Name'", "'1','2024-05-01','Vale, Robin'", "'2','2024-05-02','Ito, Sam'"),
        2,
        decode={"quote": "'"},
    ),
    "quotes of no rule": Sample(
        "n-1.csv", table("Order,Date,Size", '1,2024-05-01,"5" hose', '2,2024-05-02,6"'), 2, decode={"quote": "none"}
    ),
    "lone CR": Sample("o-1.csv", table("Order,Date,Name", "1,2024-05-13,Vale", "2,2024-05-14,Ito", end="\r"), 2),
    "month first": Sample(
        "p-1.csv", dated("05/13/2024", "6/1/2024"), 2, {"created": {"type": "date", "formats": ["%m/%d/%Y"]}}
    ),
    "day first": Sample("q-1.csv", dated("01/06/2024", "23/05/2024"), 2, {"created": {"formats": ["%d/%m/%Y"]}}),
    "year first": Sample("r-1.csv", dated("2024/05/03", "2024/06/01"), 2, {"created": {"formats": ["%Y/%m/%d"]}}),
    "eight digits": Sample(
        "s-1.csv", dated("20240503", "20240601"), 2, {"created": {"type": "date", "formats": ["%Y%m%d"]}}
    ),
    "month by name": Sample("t-1.csv", dated("May 3, 2024", "Jun 1, 2024"), 2, {"created": {"formats": ["%b %d, %Y"]}}),
    "day and month by name": Sample(
        "u-1.csv", dated("03-May-2024", "01-Jun-2024"), 2, {"created": {"formats": ["%d-%b-%Y"]}}
    ),
    "half days": Sample(
        "v-1.csv",
        dated("5/23/2024 2:30 PM", "6/1/2024 11:05 AM"),
        2,
        {"created": {"type": "dateTime", "formats": ["%m/%d/%Y %I:%M %p"], "timezone": "${dealer.timezone}"}},
    ),
    "midnights": Sample(
        "w-1.csv", dated("5/23/2024 12:00:00 AM", "6/1/2024 12:00:00 AM"), 2, {"created": {"type": "date"}}
    ),
    "offsets": Sample(
        "x-1.csv", dated("2024-05-23T14:30:00Z", "2024-06-01T11:05:00Z"), 2, {"created": {"type": "dateTime"}}
    ),
    "no value": Sample(
        "y-1.csv",
        table(
            "Order,Date,Name,Term,Paid",
            "1,2024-05-01,Vale,N/A,yes",
            "2,0000-00-00,NULL,36,no",
            "3,2024-05-05,Ito,24,no",
        ),
        3,
        {"term": {"type": "integer"}, "paid": {"type": "boolean"}, "date": {"type": "date"}},
        {"nullValues": ["", "0000-00-00", "NULL", "N/A"]},
    ),
    "two make the key": Sample(
        "z-1.csv",
        table("RO,Item,Opened,Labor", "1,1,2024-05-01,10.00", "1,2,2024-05-01,20.00", "2,1,2024-05-03,30.00"),
        3,
        key=[["ro", "item"]],
    ),
    "a hash for a key": Sample(
        "aa-1.csv",
        table("City,Kind", "Bangor,big", "Bangor,small", "Salem,small"),
        3,
        key=[{"hash": ["city", "kind"]}],
    ),
    "hostile headers": Sample(
        "ab-1.csv",
        table(
            '"a: b # c","${params.x}","{d}","it\'s ""q""",Größe,Password,type',
            "k1,2024-05-01,x,y,z,hush,t",
            "k2,2024-05-02,x,y,z,hush,t",
        ),
        2,
        {"paramsX": {"column": "$${params.x}"}, "itSQ": {"column": 'it\'s "q"'}},
    ),
    "customer is a number": Sample(
        "ac-1.csv",
        table("Receipt,Date,Customer", "R1,2024-05-01,C1", "R2,2024-05-02,C2"),
        2,
        {"externalId": {"column": "Customer"}},
    ),
    "json list": Sample(
        "ad-1.json",
        json.dumps(ORDERS).encode(),
        2,
        {"firstName": {"path": "customer.firstName"}, "total": {"type": "money"}},
        occurred="orderDate",
    ),
    "json nested": Sample(
        "ae-1.json",
        json.dumps(NESTED).encode(),
        2,
        {"email": {"path": 'customer."E-Mail"'}, "closedAt": {"path": '"closed at"', "type": "dateTime"}},
        path='data."repair orders"',
    ),
    "json alone": Sample("af-1.json", json.dumps(ORDERS[0]).encode(), 1, {"email": {"path": "customer.email"}}),
    "json lines": Sample(
        "ag-1.jsonl", b'{"id": 1, "day": "2024-05-01"}\n{"id": 2, "day": "2024-05-02"}\n', 2, decode={"format": "jsonl"}
    ),
    "xml": Sample(
        "ah-1.xml",
        XML.encode(),
        2,
        {"name": {"path": "Buyer.Name"}, "total": {"path": 'Total."#text"'}},
        path="Orders.Order",
    ),
    "xml alone": Sample(
        "ai-1.xml", b"<Export><Order><No>7</No><Day>2024-05-01</Day></Order></Export>", 1, path="Order"
    ),
    "xlsx": Sample(
        "aj-1.xlsx", workbook(), 2, {"total": {"type": "money"}}, {"format": "xlsx", "skipRows": 1}, has_test=False
    ),
    "fixed columns": Sample(
        "ak-1.txt", FIXED, 3, {"total": {"type": "money"}}, {"format": "fixedWidth", "skipRows": 1}
    ),
    "gzip": Sample("al-1.csv.gz", gzip.compress(PLAIN), 2),
    "zip": Sample("am-1.zip", zipped("orders.csv", PLAIN), 2),
    "a person": Sample(
        "an-1.csv",
        table(
            "Order No,Date,First Name,Last Name,Email,Phone,Address,Zip,Birth Date,Salesperson,Note",
            *(
                f"100{n},2024-05-1{n},Quill,Zabriskie,quill.z@example.net,(415) 555-0155,"
                "9 Hidden Lane,94110,1971-02-03,Zabriskie,call Quill"
                for n in range(1, 4)
            ),
        ),
        3,
        {"birthDate": {"type": "date"}, "postalCode": {"column": "Zip"}, "salesperson": {"column": "Salesperson"}},
    ),
}
