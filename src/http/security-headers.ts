import type {FastifyHelmetOptions} from '@fastify/helmet';

/** Nothing but our own files, no frame around us, nothing inline. Over plain HTTP on loopback HSTS would lock out. */
export const OUR_PAGES = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  strictTransportSecurity: false,
  referrerPolicy: {policy: 'no-referrer'},
  xFrameOptions: {action: 'deny'},
} satisfies FastifyHelmetOptions;

/** Bull Board brings a page with inline script and style, and draws with data: images. */
export const QUEUE_PAGES = {
  ...OUR_PAGES,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      ...OUR_PAGES.contentSecurityPolicy.directives,
      scriptSrc: ["'self'", "'unsafe-inline'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: ["'self'", 'data:'],
      baseUri: ["'self'"],
    },
  },
} satisfies FastifyHelmetOptions;
