/** How large an answer of several resources may grow; one resource alone may be larger. A test makes it small. */
export class AnswerBudget {
  constructor(public bytesMax = 32 * 1024 * 1024) {}
}
