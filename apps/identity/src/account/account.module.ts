import { Module } from '@nestjs/common'
import { MemberModule } from '../member/member.module.js'
import { AccountController } from './account.controller.js'
import { AccountService } from './account.service.js'

@Module({
  imports: [MemberModule],
  controllers: [AccountController],
  providers: [AccountService],
  exports: [AccountService],
})
export class AccountModule {}
