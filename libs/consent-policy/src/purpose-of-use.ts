// HL7 v3-ActReason as a tree: a rule for a purpose also covers every purpose below it.

/** Parent of each code under PurposeOfUse (terminology.hl7.org/CodeSystem/v3-ActReason, the R4 set). */
const parents = new Map<string, string>()

const tree: Record<string, string[]> = {
  TREAT: ['CLINTRL', 'COC', 'ETREAT', 'POPHLTH'],
  ETREAT: ['BTG', 'ERTREAT'],
  HPAYMT: ['CLMATTCH', 'COVAUTH', 'COVERAGE', 'REMITADV'],
  COVERAGE: ['ELIGDTRM', 'ELIGVER', 'ENROLLM'],
  HOPERAT: [
    'CAREMGT',
    'DONAT',
    'FRAUD',
    'GOV',
    'HACCRED',
    'HCOMPL',
    'HDECD',
    'HDIRECT',
    'HDM',
    'HLEGAL',
    'HOUTCOMS',
    'HPRGRP',
    'HQUALIMP',
    'HSYSADMIN',
    'MEMADMIN',
    'MILCDM',
    'PATADMIN',
    'PATSFTY',
    'PERFMSR',
    'RECORDMGT',
    'SYSDEV',
    'TRAIN',
  ],
  HSYSADMIN: ['LABELING', 'METAMGT'],
  SYSDEV: ['HTEST'],
  HRESCH: ['BIORCH', 'CLINTRCH', 'DSRCH', 'POARCH', 'PRECLINTRCH', 'TRANSRCH'],
  CLINTRCH: ['CLINTRCHNPC', 'CLINTRCHPC'],
  PATRQT: ['FAMRQT', 'PWATRNY', 'SUPNWK'],
  PUBHLTH: ['DISASTER'],
  DISASTER: ['THREAT'],
}

for (const [parent, children] of Object.entries(tree)) {
  for (const child of children) parents.set(child, parent)
}

/** The code and all that contain it, the narrowest first: `ETREAT` → `['ETREAT', 'TREAT']`. */
export function purposesAbove(code: string): string[] {
  const parent = parents.get(code)
  return parent === undefined ? [code] : [code, ...purposesAbove(parent)]
}

/** True when a rule for `general` covers a request with purpose `special`; every purpose covers itself. */
export function purposeCovers(general: string, special: string): boolean {
  return purposesAbove(special).includes(general)
}
