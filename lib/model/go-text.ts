/** A text from a Go program, which leaves out, or sends as null, what is empty. */
import { z } from 'zod';

export const goText = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
