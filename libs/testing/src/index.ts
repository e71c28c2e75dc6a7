export { seededRandom, type SeededRandom } from '@careseal/synthetic'
export { specification, type Decider, type Decision } from './specification.js'
export { callerOf, consentResource, eventBody, idOf, observationResource, patientResource } from './builders.js'
export { eventually } from './eventually.js'
