import { Controller, Get, Param } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { StandingConsent } from './read-model.entities.js'

@Controller('patients')
export class StandingConsents {
  constructor(private readonly database: DataSource) {}

  @Get(':patientId/consents')
  ofPatient(@Param('patientId') patientId: string): Promise<StandingConsent[]> {
    return this.database.getRepository(StandingConsent).find({ where: { patientId }, order: { consentId: 'ASC' } })
  }
}
