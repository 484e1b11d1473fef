/* The forms of the simulated registry: see form_table.h. The questions follow the real forms in kind, not in wording.
 * In ADT-1 two V2 field names say something else than what is asked: real ones do. */
#include "portalsim/form_table.h"

#define YES_NO "Yes|No"
#define SECTION(heading, table)                                                                                        \
    { .title = (heading), .rows = (table), .rows_count = COUNT_OF(table) }
#define REPEATED(heading, table, least, most)                                                                          \
    { .title = (heading), .rows = (table), .rows_count = COUNT_OF(table), .repeat_min = (least), .repeat_max = (most) }
#define SECTIONS(table) .sections = (table), .sections_count = COUNT_OF(table)

/* clang-format off */
static const struct form_row opening[] = {
    {"Corporate identity number (CIN) of the company", "CIN_C", ROW_CIN, NULL, NULL},
    {"Name of the company", "CompanyName_C", ROW_COMPANY, NULL, NULL},
    {"Address of the registered office of the company", "CompanyAdd_C", ROW_ADDRESS, NULL, NULL},
    {"E-mail ID of the company", "EmailId_C", ROW_EMAIL, NULL, NULL},
    {"Permanent account number (PAN) of the company", "CompanyPan_C", ROW_PAN_COMPANY, NULL, NULL},
};
const struct form_section form_opening = SECTION("Company information", opening);

static const struct form_row closing[] = {
    {"Designation", "Designation_C", ROW_CHOICE, "Director|Managing director|Company secretary", NULL},
    {"Name of the signatory", "SignatoryName_C", ROW_PERSON, NULL, NULL},
    {"Director identification number (DIN) of the signatory", "SignatoryDin_C", ROW_DIN, NULL, NULL},
    {"Income-tax PAN of the signatory", "SignatoryPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"Date of the board resolution authorising the signatory (DD/MM/YYYY)", "DateBoardRes_D", ROW_DATE, NULL, NULL},
    {"Declaration", "Declaration_B", ROW_CHECK, "All the required attachments have been completely and legibly attached", NULL},
    {"Certificate given by a practising", "Professional_R", ROW_RADIO,
     "Chartered accountant|Cost accountant|Company secretary", NULL},
    {"Whether associate or fellow", "AssociateFellow_R", ROW_RADIO, "Associate|Fellow", NULL},
    {"Membership number", "MembershipNo_C", ROW_MEMBERSHIP, NULL, NULL},
};
const struct form_section form_closing = SECTION("Declaration and certificate", closing);

static const struct form_row office[] = {
    {"eForm service request number (SRN)", "SRN_C", ROW_SRN, NULL, NULL},
    {"eForm filing date (DD/MM/YYYY)", "FilingDate_D", ROW_FILED_ON, NULL, NULL},
};
const struct form_section form_office = SECTION("For office use only", office);

static const struct form_row aoc_period[] = {
    {"Financial year from (DD/MM/YYYY)", "FYFrom_D", ROW_YEAR_FROM, NULL, "FINANCIAL_YEAR_START"},
    {"Financial year to (DD/MM/YYYY)", "FYTo_D", ROW_YEAR_TO, NULL, "FINANCIAL_YEAR_END"},
    {"Date of the board meeting in which the financial statements were approved (DD/MM/YYYY)", "DateBM_D", ROW_DATE, NULL, NULL},
    {"Nature of the financial statements", "NatureFS_C", ROW_CHOICE, "Adopted financial statements|Provisional un-adopted financial statements", NULL},
    {"Whether the financial statements are adopted in the annual general meeting", "Adopted_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the annual general meeting (DD/MM/YYYY)", "DateAGM_D", ROW_DATE, NULL, NULL},
    {"Whether consolidated financial statements are required", "Consolidated_R", ROW_RADIO, YES_NO, NULL},
};
static const struct form_row aoc_signers[] = {
    {"Director identification number (DIN)", "DirectorDin_C", ROW_DIN, NULL, NULL},
    {"Name of the person signing the financial statements", "DirectorName_C", ROW_PERSON, NULL, NULL},
    {"Date of signing (DD/MM/YYYY)", "DateSigning_D", ROW_DATE, NULL, NULL},
};
static const struct form_row aoc_auditor[] = {
    {"Income-tax PAN of the auditor or the auditor's firm", "AuditorPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"Name of the auditor or the auditor's firm", "AuditorName_C", ROW_AUDITOR, NULL, NULL},
    {"Firm's registration number", "Frn_C", ROW_FRN, NULL, NULL},
    {"Whether the auditor's report has been qualified", "Qualified_R", ROW_RADIO, YES_NO, NULL},
};
static const struct form_row aoc_amounts[] = {
    {"Share capital (in INR)", "ShareCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Reserves and surplus (in INR)", "Reserves_N", ROW_AMOUNT, NULL, NULL},
    {"Long-term borrowings (in INR)", "LongTermBorrow_N", ROW_AMOUNT, NULL, NULL},
    {"Trade payables (in INR)", "TradePayables_N", ROW_AMOUNT, NULL, NULL},
    {"Tangible assets (in INR)", "TangibleAssets_N", ROW_AMOUNT, NULL, NULL},
    {"Cash and cash equivalents (in INR)", "Cash_N", ROW_AMOUNT, NULL, NULL},
    {"Revenue from operations (in INR)", "Revenue_N", ROW_AMOUNT, NULL, NULL},
    {"Profit before tax (in INR)", "ProfitBeforeTax_N", ROW_AMOUNT, NULL, NULL},
};
static const struct form_section aoc[] = {
    SECTION("Period and meetings", aoc_period),
    REPEATED("Signatory %d of the financial statements", aoc_signers, 1, 3),
    SECTION("Auditor", aoc_auditor),
    SECTION("Balance sheet and profit and loss", aoc_amounts),
};

static const struct form_row mgt_general[] = {
    {"Financial year from (DD/MM/YYYY)", "FYFrom_D", ROW_YEAR_FROM, NULL, "FINANCIAL_YEAR_START"},
    {"Financial year to (DD/MM/YYYY)", "FYTo_D", ROW_YEAR_TO, NULL, "FINANCIAL_YEAR_END"},
    {"Type of annual filing", "TypeFiling_R", ROW_RADIO, "Original|Revised", NULL},
    {"Whether the company has share capital", "ShareCap_R", ROW_RADIO, YES_NO, NULL},
    {"Whether shares are listed on a recognised stock exchange", "Listed_R", ROW_RADIO, YES_NO, NULL},
    {"Whether an annual general meeting (AGM) was held", "AgmHeld_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the AGM (DD/MM/YYYY)", "DateAGM_D", ROW_DATE, NULL, NULL},
    {"Whether an extension for the AGM was granted", "AgmExtension_R", ROW_RADIO, YES_NO, NULL},
    {"Number of business activities", "BusinessNo_N", ROW_COUNT, NULL, NULL},
};
static const struct form_row mgt_capital[] = {
    {"Authorised capital (in INR)", "AuthCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Issued capital (in INR)", "IssuedCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Paid-up capital (in INR)", "PaidUpCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Turnover (in INR)", "Turnover_N", ROW_AMOUNT, NULL, NULL},
    {"Net worth of the company (in INR)", "NetWorth_N", ROW_AMOUNT, NULL, NULL},
    {"Number of members at the end of the year", "Members_N", ROW_COUNT, NULL, NULL},
};
static const struct form_row mgt_directors[] = {
    {"Director identification number (DIN)", "DirectorDin_C", ROW_DIN, NULL, NULL},
    {"Name", "DirectorName_C", ROW_PERSON, NULL, NULL},
    {"Income-tax PAN", "DirectorPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"Category", "DirectorCat_R", ROW_RADIO, "Promoter|Professional|Independent", NULL},
    {"Date of appointment (DD/MM/YYYY)", "DateAppoint_D", ROW_DATE, NULL, NULL},
    {"Number of equity shares held", "SharesHeld_N", ROW_COUNT, NULL, NULL},
};
static const struct form_section mgt_7[] = {
    SECTION("General information", mgt_general),
    SECTION("Capital and turnover", mgt_capital),
    REPEATED("Director %d at the end of the year", mgt_directors, 2, 5),
};
static const struct form_section mgt_7a[] = {
    SECTION("General information", mgt_general),
    SECTION("Capital and turnover", mgt_capital),
    REPEATED("Director %d at the end of the year", mgt_directors, 1, 3),
};

static const struct form_row adt_auditor[] = {
    {"Whether the appointment is of the first auditor", "FirstAuditor_R", ROW_RADIO, YES_NO, NULL},
    {"Nature of the appointment", "NatureAppoint_C", ROW_CHOICE,
     "Appointment in annual general meeting|Appointment in case of casual vacancy|Appointment by the board", NULL},
    {"Whether joint auditors have been appointed", "JointAuditor_R", ROW_RADIO, YES_NO, NULL},
    {"Category of the auditor", "CategoryAud_R", ROW_RADIO, "Individual|Auditor's firm", NULL},
    {"Income-tax PAN of the auditor or the auditor's firm", "AuditorPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"Name of the auditor or the auditor's firm", "AuditorName_C", ROW_AUDITOR, NULL, NULL},
    {"Membership number of the auditor or firm's registration number", "Frn_C", ROW_FRN, NULL, "MEM_FIRM_REG_NUM"},
};
static const struct form_row adt_dates[] = {
    {"Account period from (DD/MM/YYYY)", "DateFrom_D", ROW_DATE, NULL, "PERIOD_FROM"},
    {"Account period to (DD/MM/YYYY)", "DateTo_D", ROW_DATE_LATER, NULL, "PERIOD_TO"},
    {"Number of financial years", "FinYears_N", ROW_COUNT, NULL, NULL},
    {"Whether the auditor was appointed in an annual general meeting", "InAgm_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the resolution (DD/MM/YYYY)", "DateOfAppSect_D", ROW_DATE, NULL, "DATE_OF_RESOLUTION"},
    {"Date of the appointment (DD/MM/YYYY)", "DateReceipt_D", ROW_DATE, NULL, "DATE_OF_APPOINTMENT"},
    {"Whether the auditor is appointed in place of another", "Vacancy_R", ROW_RADIO, YES_NO, NULL},
    {"Written consent", "Consent_B", ROW_CHECK, "The auditor has given a written consent and certificate", NULL},
};
static const struct form_section adt[] = {
    SECTION("Auditor appointed", adt_auditor),
    SECTION("Period and dates of the appointment", adt_dates),
};

static const struct form_row dir_general[] = {
    {"Number of managing directors or directors for whom the form is filed", "NoDirectors_N", ROW_TIMES, NULL, NULL},
    {"Purpose of the form", "Purpose_R", ROW_RADIO, "Appointment|Cessation|Change in designation", NULL},
};
static const struct form_row dir_person[] = {
    {"Director identification number (DIN)", "DirectorDin_C", ROW_DIN, NULL, NULL},
    {"Name of the director", "DirectorName_C", ROW_PERSON, NULL, NULL},
    {"Income-tax PAN", "DirectorPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"E-mail ID of the director", "DirectorEmail_C", ROW_EMAIL, NULL, NULL},
    {"Designation", "DirectorDesig_C", ROW_CHOICE,
     "Director|Additional director|Managing director|Whole-time director", NULL},
    {"Category", "DirectorCat_R", ROW_RADIO, "Promoter|Professional|Independent", NULL},
    {"Date of appointment, change or cessation (DD/MM/YYYY)", "DateChange_D", ROW_DATE, NULL, NULL},
    {"Whether chairman, executive or non-executive director", "Executive_R", ROW_RADIO,
     "Chairman|Executive|Non-executive", NULL},
    {"Whether interested in other entities", "Interest_R", ROW_RADIO, YES_NO, NULL},
};
static const struct form_section dir[] = {
    SECTION("Purpose", dir_general),
    REPEATED("Particulars of director %d", dir_person, 1, 4),
};

static const struct form_row pas_general[] = {
    {"Number of allotments covered in this form", "NoAllotments_N", ROW_TIMES, NULL, NULL},
    {"Kind of the securities allotted", "Securities_R", ROW_RADIO, "Equity|Preference|Debentures", NULL},
    {"Whether allotted for cash", "ForCash_R", ROW_RADIO, YES_NO, NULL},
};
static const struct form_row pas_allotment[] = {
    {"Date of allotment (DD/MM/YYYY)", "DateAllot_D", ROW_DATE, NULL, NULL},
    {"Date of passing the shareholders' resolution (DD/MM/YYYY)", "DateResolution_D", ROW_DATE, NULL, NULL},
    {"SRN of form MGT-14", "SrnMgt14_C", ROW_SRN, NULL, NULL},
    {"Number of securities allotted", "NoSecurities_N", ROW_COUNT, NULL, NULL},
    {"Nominal amount per security (in INR)", "Nominal_N", ROW_AMOUNT, NULL, NULL},
    {"Premium amount per security (in INR)", "Premium_N", ROW_AMOUNT, NULL, NULL},
    {"Total amount paid (in INR)", "AmountPaid_N", ROW_AMOUNT, NULL, NULL},
};
static const struct form_section pas[] = {
    SECTION("Securities", pas_general),
    REPEATED("Allotment %d", pas_allotment, 1, 3),
};

static const struct form_row chg_general[] = {
    {"This form is for", "FormFor_R", ROW_RADIO, "Creation of charge|Modification of charge", NULL},
    {"Whether charge is modified in favour of an asset reconstruction company", "Arc_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the instrument creating the charge (DD/MM/YYYY)", "DateInstrument_D", ROW_DATE, NULL, NULL},
    {"Nature of the instrument", "NatureInstr_C", ROW_CHOICE, "Hypothecation deed|Mortgage deed|Pledge agreement", NULL},
    {"Whether the charge is created or modified outside India", "OutsideIndia_R", ROW_RADIO, YES_NO, NULL},
    {"Amount secured by the charge (in INR)", "AmountSecured_N", ROW_AMOUNT, NULL, NULL},
    {"Rate of interest, in per cent", "RateInterest_N", ROW_COUNT, NULL, NULL},
    {"Whether consortium finance is involved", "Consortium_R", ROW_RADIO, YES_NO, NULL},
    {"Whether joint charge is involved", "JointCharge_R", ROW_RADIO, YES_NO, NULL},
};
static const struct form_row chg_holder[] = {
    {"Category of the charge holder", "HolderCat_C", ROW_CHOICE, "Nationalised bank|Private bank|Financial institution", NULL},
    {"E-mail ID of the charge holder", "HolderEmail_C", ROW_EMAIL, NULL, NULL},
    {"Income-tax PAN of the charge holder", "HolderPan_C", ROW_PAN_PERSON, NULL, NULL},
    {"Type of charge: immovable property", "TypeImmovable_B", ROW_CHECK, "Immovable property or interest in it", NULL},
    {"Type of charge: book debts", "TypeDebts_B", ROW_CHECK, "Book debts", NULL},
    {"Type of charge: floating", "TypeFloating_B", ROW_CHECK, "Floating charge", NULL},
    {"Last date up to which the charge is valid (DD/MM/YYYY)", "DateValid_D", ROW_DATE_LATER, NULL, NULL},
};
static const struct form_section chg[] = {
    SECTION("Charge", chg_general),
    REPEATED("Charge holder %d", chg_holder, 1, 3),
};

static const struct form_row sh_general[] = {
    {"Purpose of the form", "Purpose_R", ROW_RADIO, "Increase in capital|Consolidation|Redemption", NULL},
    {"Whether the members' meeting was held", "Meeting_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the members' meeting (DD/MM/YYYY)", "DateMeeting_D", ROW_DATE, NULL, NULL},
    {"Type of resolution", "TypeResolution_R", ROW_RADIO, "Ordinary|Special", NULL},
    {"SRN of form MGT-14", "SrnMgt14_C", ROW_SRN, NULL, NULL},
    {"Existing authorised capital (in INR)", "ExistCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Additional authorised capital (in INR)", "AddlCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Revised authorised capital (in INR)", "RevisedCapital_N", ROW_AMOUNT, NULL, NULL},
    {"Number of equity shares", "EquityShares_N", ROW_COUNT, NULL, NULL},
    {"Number of preference shares", "PrefShares_N", ROW_COUNT, NULL, NULL},
    {"Whether the rights of any class are affected", "RightsAffected_R", ROW_RADIO, YES_NO, NULL},
    {"Stamp duty", "StampDuty_B", ROW_CHECK, "Stamp duty is to be paid electronically", NULL},
};
static const struct form_section sh[] = {SECTION("Alteration of the share capital", sh_general)};

static const struct form_row inc_general[] = {
    {"Purpose of the form", "Purpose_R", ROW_RADIO, "New company|Change of the address", NULL},
    {"Scope of the change", "Scope_C", ROW_CHOICE, "Within local limits|Outside local limits, same registrar|From one state to another", NULL},
    {"Date from which the office is at this address (DD/MM/YYYY)", "DateEffect_D", ROW_DATE, NULL, NULL},
    {"Address of the new registered office", "NewAddress_C", ROW_ADDRESS, NULL, NULL},
    {"Status of the premises", "Premises_R", ROW_RADIO, "Owned|Leased|Rented", NULL},
    {"Whether a utility bill not older than two months is attached", "Utility_R", ROW_RADIO, YES_NO, NULL},
    {"Date of the utility bill (DD/MM/YYYY)", "DateUtility_D", ROW_DATE, NULL, NULL},
    {"Police station under whose jurisdiction the office is", "Police_C", ROW_CHOICE, "SAMPLE STATION 1|SAMPLE STATION 2", NULL},
    {"SRN of the related form", "SrnRelated_C", ROW_SRN, NULL, NULL},
};
static const struct form_section inc[] = {SECTION("Registered office", inc_general)};

const struct form_table form_tables[SIM_FORMS] = {
    [SIM_AOC_4] = {"Form for filing financial statements and other documents with the Registrar",
                   "[Pursuant to section 137 and rule 12(1)]", SECTIONS(aoc),
                   {"Copy of financial statements", "Board's report", NULL}},
    [SIM_MGT_7] = {"Annual return (other than for OPCs and small companies)",
                   "[Pursuant to section 92 and rule 11(1)]", SECTIONS(mgt_7),
                   {"List of shareholders", "Approval letter for extension of AGM", NULL}},
    [SIM_MGT_7A] = {"Abridged annual return for OPCs and small companies",
                    "[Pursuant to section 92 and rule 11(1)]", SECTIONS(mgt_7a),
                    {"List of shareholders", NULL, NULL}},
    [SIM_ADT_1] = {"Notice to the Registrar by the company for the appointment of an auditor",
                   "[Pursuant to section 139(1) and rule 4(2)]", SECTIONS(adt),
                   {"Copy of the written consent", "Copy of the resolution", "Intimation by the company"}},
    [SIM_DIR_12] = {"Particulars of appointment of directors and changes among them",
                    "[Pursuant to sections 7 and 170 and rule 18]", SECTIONS(dir),
                    {"Letter of appointment", "Declaration of the appointee", NULL}},
    [SIM_PAS_3] = {"Return of allotment", "[Pursuant to sections 39 and 42 and rules 12 and 14]",
                   SECTIONS(pas), {"List of allottees", "Copy of the resolution", NULL}},
    [SIM_CHG_1] = {"Application for registration of creation or modification of a charge",
                   "[Pursuant to sections 77 and 79 and rule 3(1)]", SECTIONS(chg),
                   {"Instrument of creation of the charge", NULL, NULL}},
    [SIM_SH_7] = {"Notice to the Registrar of any alteration of the share capital",
                  "[Pursuant to section 64 and rule 15]", SECTIONS(sh),
                  {"Copy of the resolution", "Altered memorandum of association", NULL}},
    [SIM_INC_22] = {"Notice of the situation, or of a change of the situation, of the registered office",
                    "[Pursuant to section 12 and rules 25 and 27]", SECTIONS(inc),
                    {"Proof of the registered office address", "Copy of the utility bill", NULL}},
};
/* clang-format on */
