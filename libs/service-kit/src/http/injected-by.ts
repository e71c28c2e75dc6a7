import type { InjectionToken, Type } from '@nestjs/common'
import { PARAMTYPES_METADATA, SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js'

type Declared = { index: number; param: InjectionToken }

/** What the constructors of these controllers inject, each once: what `describeRoutes` needs to stand in for. */
export function injectedBy(controllers: readonly Type[]): InjectionToken[] {
  return [...new Set(controllers.flatMap(injectedByOne))]
}

function injectedByOne(controller: Type): InjectionToken[] {
  const types = (Reflect.getMetadata(PARAMTYPES_METADATA, controller) ?? []) as InjectionToken[]
  const declared = (Reflect.getMetadata(SELF_DECLARED_DEPS_METADATA, controller) ?? []) as Declared[]
  return types.map((type, index) => declared.find((other) => other.index === index)?.param ?? type)
}
