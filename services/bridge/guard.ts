/** The door of the Bridge: everything but the page itself and the ways to log in needs a session. */
import type { Request, RequestHandler } from 'express';
import helmet from 'helmet';
import { Terminal } from '../../lib/errors/classes.ts';
import { isToken } from '../../lib/http/token.ts';
import { userIn, type Access } from './identity.ts';
import type { Sessions } from './session.ts';

/** The page has no secrets: what it shows it asks for. Logging in checks for itself. */
const guarded = /^\/(v1|api)(\/|$)/;
const reads = ['GET', 'HEAD'];

/** Scripts and styles are files of ours; nothing can be framed, and no text becomes HTML. */
export function headers(secure: boolean): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: secure ? { maxAge: 31_536_000 } : false,
    xFrameOptions: { action: 'deny' },
  });
}

/** Lets in who has a session; one that writes has to come from our page. Scripts may read with credentials of their own. */
export function guard(sessions: Sessions, access: Access, origin: string | undefined): RequestHandler {
  return async (request, response, next) => {
    if (!guarded.test(request.path)) return next();
    const session = await sessions.of(request.headers);
    const isRead = reads.includes(request.method);
    const user = session?.user ?? (isRead ? userIn(request.headers, access) : undefined);
    if (user === undefined) return next(new Terminal('Unauthorized', 'log in to the Bridge first'));
    if (!isRead) {
      checkOrigin(request, origin);
      const given = request.headers['x-csrf-token'];
      if (!isToken(typeof given === 'string' ? given : undefined, session?.csrf ?? '')) {
        return next(
          new Terminal('Forbidden', 'the header x-csrf-token is not that of the session: load the page again'),
        );
      }
    }
    response.locals['user'] = user;
    next();
  };
}

/** Throws for a request that a page elsewhere makes. */
export function checkOrigin({ headers: { origin, host } }: Request, own: string | undefined): void {
  if (origin === undefined || origin === own || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw new Terminal('Forbidden', `a page of ${origin.slice(0, 200)} may not do this`);
}
