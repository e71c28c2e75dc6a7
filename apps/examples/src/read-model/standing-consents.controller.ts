import { Controller, Get, Param } from '@nestjs/common'
import { DataSource, IsNull, Not } from 'typeorm'
import { StandingConsent } from './read-model.entities.js'

@Controller('patients')
export class StandingConsents {
  constructor(private readonly database: DataSource) {}

  @Get(':patientId/consents')
  ofPatient(@Param('patientId') patientId: string): Promise<StandingConsent[]> {
    const where = { patientId, effect: Not(IsNull()) }
    return this.database.getRepository(StandingConsent).find({ where, order: { consentId: 'ASC' } })
  }
}
