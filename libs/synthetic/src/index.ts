export { seededRandom, type SeededRandom } from './random.js'
export { patientBundle, type PatientBundleOptions, type TransactionBundle } from './patient-bundle.js'
export { SYNTHETIC_SYSTEM, type SyntheticResource } from './resources.js'
