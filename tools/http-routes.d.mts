export function httpRoutes(documents: object[]): string
