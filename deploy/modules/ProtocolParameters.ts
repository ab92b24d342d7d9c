import { proxied } from "./proxied.ts";

export default proxied("ProtocolParameters", (m) => [m.getParameter("parameters"), m.getParameter("treasury")]);
