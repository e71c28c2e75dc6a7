// The vocabulary of the generated courses: public codes, with the values that a healthy and an ill person would show.

export type Coding = { system: string; code: string; display: string }

const SNOMED = 'http://snomed.info/sct'
const LOINC = 'http://loinc.org'
const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm'
const CVX = 'http://hl7.org/fhir/sid/cvx'

const coding = (system: string) => (code: string, display: string) => ({ system, code, display })
const snomed = coding(SNOMED)
const loinc = coding(LOINC)
const rxnorm = coding(RXNORM)
const cvx = coding(CVX)

/** A measured quantity: its usual range, and how far a condition moves it. */
export type Measure = { coding: Coding; unit: string; low: number; high: number; digits: number }

const measure = (at: Coding, unit: string, range: [number, number], digits = 0): Measure => ({
  coding: at,
  unit,
  low: range[0],
  high: range[1],
  digits,
})

export const SYSTOLIC = measure(loinc('8480-6', 'Systolic blood pressure'), 'mm[Hg]', [104, 129])
export const DIASTOLIC = measure(loinc('8462-4', 'Diastolic blood pressure'), 'mm[Hg]', [64, 84])
export const BLOOD_PRESSURE = loinc('85354-9', 'Blood pressure panel with all children optional')
export const HEIGHT = loinc('8302-2', 'Body height')
export const WEIGHT = loinc('29463-7', 'Body weight')
export const BODY_MASS_INDEX = loinc('39156-5', 'Body mass index (BMI) [Ratio]')

export const VITAL_SIGNS: readonly Measure[] = [
  measure(loinc('8867-4', 'Heart rate'), '/min', [54, 92]),
  measure(loinc('9279-1', 'Respiratory rate'), '/min', [12, 19]),
  measure(loinc('8310-5', 'Body temperature'), 'Cel', [36.2, 37.3], 1),
]

export const BLOOD_COUNT: readonly Measure[] = [
  measure(loinc('718-7', 'Hemoglobin [Mass/volume] in Blood'), 'g/dL', [12, 16.5], 1),
  measure(loinc('6690-2', 'Leukocytes [#/volume] in Blood by Automated count'), '10*3/uL', [4, 10.5], 1),
  measure(loinc('777-3', 'Platelets [#/volume] in Blood by Automated count'), '10*3/uL', [150, 400]),
  measure(loinc('2160-0', 'Creatinine [Mass/volume] in Serum or Plasma'), 'mg/dL', [0.6, 1.2], 2),
]

const GLUCOSE = measure(loinc('2345-7', 'Glucose [Mass/volume] in Serum or Plasma'), 'mg/dL', [112, 210])
const HBA1C = measure(loinc('4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood'), '%', [6.4, 9.1], 1)
const LDL = measure(loinc('18262-6', 'Cholesterol in LDL [Mass/volume] in Serum or Plasma'), 'mg/dL', [115, 190])
const CHOLESTEROL = measure(loinc('2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma'), 'mg/dL', [200, 280])
const TSH = measure(loinc('3016-3', 'Thyrotropin [Units/volume] in Serum or Plasma'), 'm[IU]/L', [0.8, 9.5], 2)
const PEAK_FLOW = measure(
  loinc('33452-4', 'Maximum expiratory gas flow Respiratory system airway'),
  'L/min',
  [280, 450],
)

/** A lasting illness: whom it finds, what is measured for it and taken against it. */
export type ChronicCondition = {
  coding: Coding
  fromAge: number
  /** Probability that a person of that age has it. */
  share: number
  labs: readonly Measure[]
  medication: Coding
}

export const CHRONIC_CONDITIONS: readonly ChronicCondition[] = [
  {
    coding: snomed('44054006', 'Diabetes mellitus type 2 (disorder)'),
    fromAge: 40,
    share: 0.25,
    labs: [GLUCOSE, HBA1C],
    medication: rxnorm('861007', 'metformin hydrochloride 500 MG Oral Tablet'),
  },
  {
    coding: snomed('38341003', 'Hypertensive disorder, systemic arterial (disorder)'),
    fromAge: 35,
    share: 0.35,
    labs: [],
    medication: rxnorm('314076', 'lisinopril 10 MG Oral Tablet'),
  },
  {
    coding: snomed('55822004', 'Hyperlipidemia (disorder)'),
    fromAge: 35,
    share: 0.3,
    labs: [LDL, CHOLESTEROL],
    medication: rxnorm('617310', 'atorvastatin 20 MG Oral Tablet'),
  },
  {
    coding: snomed('40930008', 'Hypothyroidism (disorder)'),
    fromAge: 25,
    share: 0.1,
    labs: [TSH],
    medication: rxnorm('966224', 'levothyroxine sodium 0.05 MG Oral Tablet'),
  },
  {
    coding: snomed('195967001', 'Asthma (disorder)'),
    fromAge: 0,
    share: 0.15,
    labs: [PEAK_FLOW],
    medication: rxnorm('745679', '200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler'),
  },
]

/** Short illnesses and injuries, each with what is prescribed for it. */
export const ACUTE_CONDITIONS: readonly { coding: Coding; medication: Coding }[] = [
  {
    coding: snomed('195662009', 'Acute viral pharyngitis (disorder)'),
    medication: rxnorm('313782', 'acetaminophen 325 MG Oral Tablet'),
  },
  {
    coding: snomed('10509002', 'Acute bronchitis (disorder)'),
    medication: rxnorm('313782', 'acetaminophen 325 MG Oral Tablet'),
  },
  {
    coding: snomed('44465007', 'Sprain of ankle (disorder)'),
    medication: rxnorm('310965', 'ibuprofen 200 MG Oral Tablet'),
  },
  {
    coding: snomed('444814009', 'Viral sinusitis (disorder)'),
    medication: rxnorm('310965', 'ibuprofen 200 MG Oral Tablet'),
  },
]

/** Vaccines, with the years between two doses. */
export const VACCINES: readonly { coding: Coding; everyYears: number; fromAge: number }[] = [
  { coding: cvx('140', 'Influenza, seasonal, injectable, preservative free'), everyYears: 1, fromAge: 1 },
  { coding: cvx('113', 'Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed'), everyYears: 10, fromAge: 18 },
  { coding: cvx('133', 'Pneumococcal conjugate PCV 13'), everyYears: 50, fromAge: 60 },
]

export const VISITS = {
  checkUp: snomed('162673000', 'General examination of patient (procedure)'),
  followUp: snomed('185349003', 'Encounter for check up (procedure)'),
  acute: snomed('185345009', 'Encounter for symptom (procedure)'),
} as const
