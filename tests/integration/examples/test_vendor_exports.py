"""Ready mappings for Salesforce, HubSpot and Marketo: rows of the real shape, through the real loader and the gate.

The column names are those that the vendors document for these objects; the people are made up.
"""

import csv
import json
import threading
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest

from orchestration.ingest import warehouse
from orchestration.ingest.collect import collect_table
from orchestration.ingest.contract import load_contract
from orchestration.ingest.loader import LoadResult, load_table
from orchestration.ingest.sources import load_sources
from orchestration.settings import PROJECT_ROOT, Settings


def at(*parts: int) -> datetime:
    """A UTC time without zone, as the warehouse holds it."""
    return datetime(*parts)


def load_example(home: Path, example: str) -> tuple[dict[str, LoadResult], duckdb.DuckDBPyConnection]:
    """Read and load every table of an example; return the results and the warehouse."""
    settings = Settings(home=home, sources_file=PROJECT_ROOT / "examples" / example / "sources.yml")
    sources = load_sources(settings.sources_file, load_contract(settings.models_dir))
    connection = warehouse.connect(settings)
    warehouse.prepare(connection)
    results = {}
    for name, entry in sources.tables.items():
        for collected in collect_table(settings, entry.table, entry.feeds):
            assert collected.message == ""
        results[name] = load_table(connection, settings, entry.table, entry.feeds, run_id="test")
    return results, connection


def assert_all_sound(results: dict[str, LoadResult], rows: dict[str, int]) -> None:
    """Every row passes the gate, and not one check, warnings included, has anything to say."""
    assert {name: (result.rows_loaded, result.rows_quarantined) for name, result in results.items()} == {
        name: (count, 0) for name, count in rows.items()
    }
    for name, result in results.items():
        assert not result.is_refused, (name, result.message)
        assert [check.message for check in result.checks if not check.is_success] == [], name
        assert result.message == "", name


def write(folder: Path, name: str, header: str, *rows: str) -> None:
    """Write a CSV as these vendors do: every field quoted, lines ended with CR and LF or LF."""
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for row in (header, *rows):
            writer.writerow(next(csv.reader([row])))


# ------------------------------------------------------------------------------------------------------------- Salesforce


@pytest.fixture(scope="module")
def salesforce(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, LoadResult], Any]]:
    folder = tmp_path_factory.mktemp("salesforce exports")
    write(
        folder,
        "Lead.csv",
        "Id,IsDeleted,LastName,FirstName,Title,Company,Street,City,State,PostalCode,Country,Phone,MobilePhone,Email,Website,LeadSource,"
        "Status,Industry,NumberOfEmployees,OwnerId,IsConverted,ConvertedContactId,CreatedDate,SystemModstamp",
        '00Q5g00000A1bCdEAJ,false,Lindqvist,Maja,CTO,Norrsken Pumps AB,"Storgatan 1\nPlan 2",Malmö,Skåne,21134,Sweden,+46 40 123 45 67,,'
        "maja@norrsken-pumps.se,norrsken-pumps.se,Web,Open - Not Contacted,Manufacturing,120,0055g000001AbCdAAK,false,,"
        "2026-01-05T08:15:30.000Z,2026-01-06T09:00:00.000Z",
        "00Q5g00000A1bCeEAJ,true,Okafor,Ngozi,,Delta Freight,,,,,,+234 1 234 5678,+234 803 123 4567,,,Phone Inquiry,Closed - Converted,,,"
        "0055g000001AbCdAAK,true,0035g00000Xy1zAAAR,2026-01-07T10:00:00.000+0000,2026-01-09T10:00:00.000+0000",
    )
    write(
        folder,
        "LeadHistory.csv",
        "Id,LeadId,Field,OldValue,NewValue,CreatedById,CreatedDate",
        "0175g00000HiSt0AAA,00Q5g00000A1bCdEAJ,Status,Open - Not Contacted,Working - Contacted,0055g000001AbCdAAK,2026-01-06T09:00:00.000Z",
    )
    write(
        folder,
        "ContactHistory.csv",
        "Id,ContactId,Field,OldValue,NewValue,CreatedById,CreatedDate",
        "0175g00000HiSt1AAA,0035g00000Xy1zAAAR,Status__c,,MQL,0055g000001AbCdAAK,2026-01-10T09:00:00.000Z",
    )
    write(
        folder,
        "Contact.2026-03-01.csv",
        "Id,IsDeleted,AccountId,LastName,FirstName,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,Phone,MobilePhone,"
        "Email,Title,Department,LeadSource,Birthdate,OwnerId,CreatedDate,SystemModstamp",
        "0035g00000Xy1zAAAR,false,0015g00000AcC01AAF,Okafor,Ngozi,1 Marina Rd,Lagos,Lagos,101241,Nigeria,,+234 803 123 4567,"
        "ngozi@delta-freight.ng,Head of IT,IT,Trade Show,1984-02-29,0055g000001AbCdAAK,2026-01-09T10:00:00.000Z,2026-01-09T10:00:00.000Z",
    )
    write(
        folder,
        "Account.csv",
        "Id,Name,ParentId,BillingState,BillingCountry,Website,Industry,AnnualRevenue,NumberOfEmployees",
        "0015g00000AcC01AAF,Delta Freight,,Lagos,Nigeria,https://delta-freight.ng,Transportation,1250000.5,340",
    )
    write(
        folder,
        "Opportunity.csv",
        "Id,IsDeleted,AccountId,ContactId,StageName,Amount,CloseDate,Type,IsClosed,IsWon,CampaignId,OwnerId,CreatedDate,SystemModstamp",
        "0065g00000OpP01AAB,false,0015g00000AcC01AAF,0035g00000Xy1zAAAR,Closed Won,50000.0,2026-02-20,New Customer,true,true,"
        "7015g000000CaMpAAK,0055g000001AbCdAAK,2026-01-20T10:00:00.000Z,2026-02-20T11:00:00.000Z",
        "0065g00000OpP02AAB,false,0015g00000AcC01AAF,,Negotiation,,2026-06-30,Existing Customer - Upgrade,false,false,,"
        "0055g000001AbCdAAK,2026-02-21T10:00:00.000Z,2026-02-21T10:00:00.000Z",
        "0065g00000OpP03AAB,true,0015g00000AcC01AAF,,Proposal,10.0,2026-06-30,,false,false,,0055g000001AbCdAAK,2026-02-21T10:00:00.000Z,"
        "2026-02-22T10:00:00.000Z",
    )
    write(
        folder,
        "OpportunityContactRole.csv",
        "Id,OpportunityId,ContactId,Role,IsPrimary,CreatedDate",
        "00K5g00000RoLe0AAA,0065g00000OpP01AAB,0035g00000Xy1zAAAR,Decision Maker,true,2026-01-20T10:00:00.000Z",
    )
    write(
        folder,
        "OpportunityHistory.csv",
        "Id,OpportunityId,StageName,Amount,CloseDate,Probability,CreatedById,CreatedDate",
        "0085g00000OhIs0AAA,0065g00000OpP01AAB,Qualification,40000.0,2026-02-28,10.0,0055g000001AbCdAAK,2026-01-20T10:00:00.000Z",
        "0085g00000OhIs1AAA,0065g00000OpP01AAB,Closed Won,50000.0,2026-02-20,100.0,0055g000001AbCdAAK,2026-02-20T11:00:00.000Z",
    )
    write(
        folder,
        "Task.csv",
        "Id,WhoId,WhatId,Subject,ActivityDate,Status,OwnerId,Type,TaskSubtype,CallType,CallDurationInSeconds,CallDisposition,CompletedDateTime,"
        "CreatedDate",
        "00T5g00000TaSk0AAA,00Q5g00000A1bCdEAJ,,Call,2026-01-06,Completed,0055g000001AbCdAAK,Call,Call,Inbound,310,Correct Contact,"
        "2026-01-06T09:10:00.000Z,2026-01-06T09:00:00.000Z",
        "00T5g00000TaSk1AAA,,0065g00000OpP01AAB,Email: offer,2026-01-21,Completed,0055g000001AbCdAAK,Email,Email,,,,,2026-01-21T09:00:00.000Z",
    )
    write(
        folder,
        "Event.csv",
        "Id,WhoId,WhatId,Subject,ActivityDate,StartDateTime,DurationInMinutes,OwnerId,CreatedDate",
        "00U5g00000EvEn0AAA,0035g00000Xy1zAAAR,0065g00000OpP01AAB,Demo,2026-01-25,2026-01-25T13:00:00.000Z,45,0055g000001AbCdAAK,"
        "2026-01-20T10:00:00.000Z",
    )
    write(
        folder,
        "Campaign.csv",
        "Id,Name,ParentId,Type,Status,StartDate,EndDate,BudgetedCost",
        "7015g000000CaMpAAK,Hannover 2026,,Trade Show,Planned,2026-04-20,2026-04-24,25000.0",
    )
    write(
        folder,
        "CampaignMember.csv",
        "Id,CampaignId,Status,Email,Phone,MobilePhone,FirstName,LastName,CompanyOrAccount,Title,Country,State,City,CreatedDate",
        "00v5g00000MeMb0AAA,7015g000000CaMpAAK,Registered,maja@norrsken-pumps.se,+46 40 123 45 67,,Maja,Lindqvist,Norrsken Pumps AB,CTO,"
        "Sweden,,Malmö,2026-02-01T10:00:00.000Z",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SALESFORCE_DIR", str(folder))
        results, connection = load_example(tmp_path_factory.mktemp("salesforce"), "salesforce")
    yield results, connection
    connection.close()


def test_salesforce_objects_pass_the_gate(salesforce):
    results, _ = salesforce
    assert_all_sound(
        results,
        {
            "crm.leads": 2, "crm.contacts": 1, "crm.accounts": 1, "crm.opportunities": 3, "crm.opportunity_contacts": 1,
            "crm.opportunity_history": 2, "crm.status_history": 2, "crm.activities": 3, "crm.campaigns": 1, "events.registrations": 1,
        },
    )  # fmt: skip


def test_salesforce_values_arrive_as_they_are_meant(salesforce):
    _, connection = salesforce
    assert connection.execute(
        "select created_at, updated_at, lead_source, status, converted_contact_id, is_deleted, phone, address from raw.crm__leads order by lead_id"
    ).fetchall() == [
        (at(2026, 1, 5, 8, 15, 30), at(2026, 1, 6, 9), "website", "Open - Not Contacted", None, False, "+46 40 123 45 67", "Storgatan 1\nPlan 2"),
        (at(2026, 1, 7, 10), at(2026, 1, 9, 10), "telemarketing", "Closed - Converted", "0035g00000Xy1zAAAR", True, "+234 803 123 4567", None),
    ]  # fmt: skip
    assert connection.execute(
        "select type, stage, amount, closed_at, is_won, expected_close_on from raw.crm__opportunities order by opportunity_id"
    ).fetchall() == [
        ("new", "Closed Won", Decimal("50000.00"), at(2026, 2, 20), True, date(2026, 2, 20)),
        ("upsell", "Negotiation", None, None, None, date(2026, 6, 30)),
        (None, "Closed Lost", Decimal("10.00"), None, False, date(2026, 6, 30)),
    ]
    assert connection.execute(
        "select object_type, field, new_value from raw.crm__status_history order by object_type"
    ).fetchall() == [("contact", "status", "MQL"), ("lead", "status", "Working - Contacted")]
    assert connection.execute(
        "select object_id, type, direction, duration_seconds from raw.crm__activities order by type"
    ).fetchall() == [
        ("00Q5g00000A1bCdEAJ", "call", "inbound", 310.0),
        ("0065g00000OpP01AAB", "email", "outbound", None),
        ("0035g00000Xy1zAAAR", "meeting", "outbound", 2700.0),
    ]


# ---------------------------------------------------------------------------------------------------------------- Marketo


@pytest.fixture(scope="module")
def marketo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, LoadResult], Any]]:
    folder = tmp_path_factory.mktemp("marketo exports")
    (folder / "leads_2026-03.csv").write_text(
        "id,email,firstName,lastName,title,department,company,phone,mobilePhone,address,city,state,postalCode,country,industry,"
        "numberOfEmployees,leadSource,leadStatus,createdAt,updatedAt\n"
        "318581,maja@norrsken-pumps.se,Maja,Lindqvist,CTO,null,Norrsken Pumps AB,+46 40 123 45 67,null,null,Malmö,null,21134,Sweden,null,120,"
        "Web Page,New,2026-01-05T08:15:30Z,2026-01-06T09:00:00Z\n"
        "318582,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,2026-01-07T08:00:00Z,2026-01-07T08:00:00Z\n",
        encoding="utf-8",
    )
    header = "marketoGUID,leadId,activityDate,activityTypeId,campaignId,primaryAttributeValueId,primaryAttributeValue,attributes"
    write(
        folder,
        "activities_2026-03.csv",
        header,
        '783961924,318581,2026-01-06T10:00:00Z,1,null,29,norrsken/pricing,"{""Webpage URL"":""/pricing"",""Client IP Address"":""192.0.2.1""}"',
        '783961925,318581,2026-01-06T11:00:00Z,6,1022,5,Spring mail,"{""Campaign Run ID"":31,""Choice Number"":2}"',
        '783961926,318581,2026-01-06T11:05:00Z,10,1022,5,Spring mail,"{""Platform"":""iOS"",""Device"":""iPhone""}"',
        '783961927,318581,2026-01-06T11:06:00Z,11,1022,5,Spring mail,"{""Link"":""https://example.com/offer""}"',
        "783961928,318581,2026-01-07T11:06:00Z,8,1022,5,Spring mail,{}",
    )
    write(
        folder,
        "form_fills_2026-03.csv",
        header,
        '783961930,318581,2026-01-06T10:01:00Z,2,null,1045,Demo form,"{""Referrer URL"":""https://example.com/demo"",""Form Fields"":""a:1:{}""}"',
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARKETO_DIR", str(folder))
        results, connection = load_example(tmp_path_factory.mktemp("marketo"), "marketo")
    yield results, connection
    connection.close()


def test_marketo_extracts_pass_the_gate(marketo):
    results, _ = marketo
    assert_all_sound(results, {"crm.leads": 2, "engagement.interactions": 5, "forms.submissions": 1})


def test_marketo_values_arrive_as_they_are_meant(marketo):
    _, connection = marketo
    assert connection.execute(
        "select lead_id, external_id, lead_source, email, phone, department from raw.crm__leads order by lead_id"
    ).fetchall() == [
        ("318581", "318581", "website", "maja@norrsken-pumps.se", "+46 40 123 45 67", None),
        ("318582", "318582", None, None, None, None),
    ]
    assert connection.execute(
        "select type, direction, external_id, page_url, programme_id, variant_id, platform from raw.engagement__interactions order by occurred_at"
    ).fetchall() == [
        ("page_view", "inbound", "318581", "/pricing", None, None, None),
        ("email_sent", "outbound", "318581", None, "1022", "2", None),
        ("email_open", "inbound", "318581", None, "1022", None, "iOS"),
        ("email_click", "inbound", "318581", "https://example.com/offer", "1022", None, None),
        ("email_bounce", "outbound", "318581", None, "1022", None, None),
    ]
    assert connection.execute("select form_name, external_id, page_url from raw.forms__submissions").fetchall() == [
        ("Demo form", "318581", "https://example.com/demo")
    ]


# ---------------------------------------------------------------------------------------------------------------- HubSpot


def hubspot_object(number: int, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    moments = {"createdAt": "2026-01-05T08:15:30.123Z", "updatedAt": "2026-01-06T09:00:00.000Z"}
    return {
        "id": str(number),
        "properties": {"hs_object_id": str(number), **properties},
        **moments,
        "archived": False,
        **more,
    }


def associated(contact: int) -> dict[str, Any]:
    return {"contacts": {"results": [{"id": str(contact), "type": "deal_to_contact"}]}}


CONTACT = {
    "email": "maja@norrsken-pumps.se", "firstname": "Maja", "lastname": "Lindqvist", "phone": "+46 40 123 45 67", "mobilephone": None,
    "company": "Norrsken Pumps AB", "jobtitle": "CTO", "hs_lead_status": "NEW", "lifecyclestage": "lead", "country": "Sweden",
    "hs_analytics_source": "ORGANIC_SEARCH", "associatedcompanyid": "901", "hubspot_owner_id": "77",
}  # fmt: skip
DEAL = {
    "dealname": "Pumps", "amount": "50000.00", "dealstage": "closedwon", "pipeline": "default", "dealtype": "newbusiness",
    "closedate": "2026-02-20T10:00:00Z", "hs_is_closed": "true", "hs_is_closed_won": "true", "deal_currency_code": "EUR",
}  # fmt: skip
OPEN_DEAL = {
    **DEAL,
    "dealstage": "qualifiedtobuy",
    "hs_is_closed": "false",
    "hs_is_closed_won": "false",
    "amount": None,
}
HUBSPOT = {
    "/crm/v3/objects/contacts": [hubspot_object(n, {**CONTACT, "email": f"p{n}@x.com"}) for n in (101, 102, 103)],
    "/crm/v3/objects/contacts archived": [
        hubspot_object(104, {"email": "gone@x.com"}, archived=True, archivedAt="2026-02-01T00:00:00Z")
    ],
    "/crm/v3/objects/companies": [
        hubspot_object(901, {"name": "Norrsken Pumps AB", "domain": "norrsken-pumps.se", "numberofemployees": "120", "annualrevenue": "1000000"})
    ],
    "/crm/v3/objects/deals": [hubspot_object(501, DEAL, associations=associated(101)), hubspot_object(502, OPEN_DEAL)],
    "/crm/v3/objects/calls": [
        hubspot_object(
            701, {"hs_timestamp": "2026-01-08T09:00:00Z", "hs_call_direction": "INBOUND", "hs_call_duration": "31000"}, associations=associated(101)
        )
    ],
    "/crm/v3/objects/meetings": [
        hubspot_object(702, {"hs_timestamp": "2026-01-09T09:00:00Z", "hs_meeting_start_time": "2026-01-09T10:00:00Z"}, associations=associated(102))
    ],
    "/crm/v3/objects/emails": [
        hubspot_object(703, {"hs_timestamp": "2026-01-10T09:00:00Z", "hs_email_direction": "INCOMING_EMAIL"})
    ],
    "/form-integrations/v1/submissions/forms/guid-1": [
        {
            "conversionId": "c-1", "submittedAt": 1_767_946_530_000, "pageUrl": "https://example.com/demo",
            "values": [
                {"name": "email", "value": "maja@norrsken-pumps.se", "objectTypeId": "0-1"},
                {"name": "message", "value": "Call me, please", "objectTypeId": "0-1"},
            ],
        }
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def hubspot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, LoadResult], Any]]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            params = parse_qs(split.query)
            key = f"{split.path} archived" if params.get("archived") == ["true"] else split.path
            rows, start = HUBSPOT[key], int(params.get("after", ["0"])[0])
            body: dict[str, Any] = {"results": rows[start : start + 2]}
            if start + 2 < len(rows):
                body["paging"] = {"next": {"after": str(start + 2), "link": "https://api.hubapi.com/ignored"}}
            is_known = self.headers.get("Authorization") == "Bearer pat-test"
            self.send_response(200 if is_known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUBSPOT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        patch.setenv("HUBSPOT_TOKEN", "pat-test")
        patch.setenv("HUBSPOT_FORM", "guid-1")
        results, connection = load_example(tmp_path_factory.mktemp("hubspot"), "hubspot")
    yield results, connection
    connection.close()
    server.shutdown()
    server.server_close()


def test_hubspot_objects_pass_the_gate(hubspot):
    results, _ = hubspot
    assert_all_sound(
        results,
        {"crm.contacts": 4, "crm.accounts": 1, "crm.opportunities": 2, "crm.activities": 3, "forms.submissions": 1},
    )


def test_hubspot_values_arrive_as_they_are_meant(hubspot):
    _, connection = hubspot
    assert connection.execute(
        "select contact_id, created_at, lead_source, status, account_id, is_deleted, phone from raw.crm__contacts order by contact_id"
    ).fetchall()[2:] == [
        ("103", at(2026, 1, 5, 8, 15, 30, 123000), "organic_search", "NEW", "901", False, "+46 40 123 45 67"),
        ("104", at(2026, 1, 5, 8, 15, 30, 123000), None, None, None, True, None),
    ]
    assert connection.execute(
        "select type, stage, amount, currency, contact_id, closed_at, is_won, expected_close_on from raw.crm__opportunities order by opportunity_id"
    ).fetchall() == [
        ("new", "Closed Won", Decimal("50000.00"), "EUR", "101", at(2026, 2, 20, 10), True, date(2026, 2, 20)),
        ("new", "qualifiedtobuy", None, "EUR", None, None, None, date(2026, 2, 20)),
    ]
    assert connection.execute(
        "select type, direction, object_id, occurred_at, duration_seconds from raw.crm__activities order by activity_id"
    ).fetchall() == [
        ("call", "inbound", "101", at(2026, 1, 8, 9), 31.0),
        ("meeting", "outbound", "102", at(2026, 1, 9, 10), None),
        ("email", "inbound", "none", at(2026, 1, 10, 9), None),
    ]
    assert connection.execute(
        "select submitted_at, email, message, page_url, first_name from raw.forms__submissions"
    ).fetchall() == [
        (at(2026, 1, 9, 8, 15, 30), "maja@norrsken-pumps.se", "Call me, please", "https://example.com/demo", None)
    ]
