// Sets up who may log in to a new node: the superuser `admin`, the role of the project, and nobody by Cassandra's well-known
// default password. Uses the driver and is compiled by the compiler that Cassandra itself brings along, so a Java without
// one will do. All steps may be repeated: what an interrupted run has left is completed by the next.
//
// Usage: Roles ADDRESS PORT        ends with 0; with 3 where the role exists and has another password
//   ADMIN_PASSWORD                 of `admin`, who is made with it
//   ROLE, ROLE_PASSWORD            the project's role; left alone where it exists. It may make keyspaces, and may do
//                                  anything in those that it has made
//   COPIES                         on how many nodes of the ring roles will be kept; not said, it stays as it is

import com.datastax.driver.core.Cluster;
import com.datastax.driver.core.Session;
import com.datastax.driver.core.exceptions.AuthenticationException;

public class Roles {
    private static final int OTHER_PASSWORD = 3;
    private static final int ATTEMPTS = 40;

    private final String address;
    private final int port;

    private Roles(String address, int port) {
        this.address = address;
        this.port = port;
    }

    public static void main(String[] arguments) throws Exception {
        try {
            System.exit(new Roles(arguments[0], Integer.parseInt(arguments[1])).setUp() ? 0 : OTHER_PASSWORD);
        } catch (RuntimeException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }

    /** Whether the project's role can log in with its password. */
    private boolean setUp() throws InterruptedException {
        String role = variable("ROLE");
        String password = variable("ROLE_PASSWORD");
        Session admin = makeAdmin(variable("ADMIN_PASSWORD"));
        admin.execute("ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false");
        admin.execute("CREATE ROLE IF NOT EXISTS " + name(role) + " WITH PASSWORD = " + text(password)
            + " AND LOGIN = true");
        admin.execute("GRANT CREATE ON ALL KEYSPACES TO " + name(role));
        boolean right = logIn(role, password) != null;
        // The last of all: with more copies than nodes nobody can log in until the others have joined.
        String copies = System.getenv("COPIES");
        if (copies != null && !copies.isEmpty()) {
            admin.execute("ALTER KEYSPACE system_auth WITH replication = "
                + "{'class': 'NetworkTopologyStrategy', 'datacenter1': " + Integer.parseInt(copies) + "}");
        }
        return right;
    }

    /** A new node has the superuser cassandra only, and that one some moments after it has started. */
    private Session makeAdmin(String password) throws InterruptedException {
        Session admin = logIn("admin", password);
        for (int attempt = 0; admin == null && attempt < ATTEMPTS; attempt++) {
            Session cassandra = logIn("cassandra", "cassandra");
            if (cassandra != null) {
                cassandra.execute("CREATE ROLE IF NOT EXISTS admin WITH PASSWORD = " + text(password)
                    + " AND LOGIN = true AND SUPERUSER = true");
            } else {
                Thread.sleep(500);
            }
            admin = logIn("admin", password);
        }
        if (admin == null) {
            throw new IllegalStateException("admin may not log in with the password of admin.credentials,"
                + " and cassandra, with its default, cannot mend that");
        }
        return admin;
    }

    /** A session, or null where the role or its password is not right. Closing one takes seconds: the process's end does it. */
    private Session logIn(String role, String password) {
        Cluster cluster = Cluster.builder().addContactPoint(address).withPort(port).withCredentials(role, password)
            .withoutMetrics().withoutJMXReporting().build();
        try {
            return cluster.connect();
        } catch (AuthenticationException error) {
            return null;
        }
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException("the variable " + name + " is missing");
        }
        return value;
    }

    private static String name(String name) {
        return '"' + name.replace("\"", "\"\"") + '"';
    }

    private static String text(String text) {
        return "'" + text.replace("'", "''") + "'";
    }
}
