import { Global, Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { AccountEntity } from './account.entity.js'
import { ClientEntity } from './client.entity.js'
import { DirectoryQuery } from './directory.query.js'
import { MemberEntity } from './member.entity.js'

@Global()
@Module({
  imports: [TypeOrmModule.forFeature([MemberEntity, AccountEntity, ClientEntity])],
  providers: [DirectoryQuery],
  exports: [DirectoryQuery],
})
export class DirectoryModule {}
