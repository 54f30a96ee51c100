/** First of all: zod would make functions from texts for speed, which the Content-Security-Policy forbids. */
import { z } from 'zod';

z.config({ jitless: true });
