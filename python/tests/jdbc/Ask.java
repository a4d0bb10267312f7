import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.TreeSet;

/** Asks through JDBC what a database tool asks: tables, columns, keys, rows. One line of text each. */
public class Ask {
    /** Arguments: URL, user, password (both may be empty), query, query with one parameter, its value. */
    public static void main(String[] arguments) throws SQLException {
        Properties properties = new Properties();
        properties.put("useEncryption", "false");
        if (!arguments[1].isEmpty()) {
            properties.put("user", arguments[1]);
            properties.put("password", arguments[2]);
        }
        try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
            describe(connection.getMetaData());
            try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(arguments[3])) {
                print("row", rows);
            }
            try (PreparedStatement statement = connection.prepareStatement(arguments[4])) {
                statement.setString(1, arguments[5]);
                try (ResultSet rows = statement.executeQuery()) {
                    print("prepared", rows);
                }
            }
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("drop table bars");
                System.out.println("wrong: a table was dropped");
            } catch (SQLException refused) {
                System.out.println("refused: " + refused.getMessage().replace('\n', ' '));
            }
        }
    }

    private static void describe(DatabaseMetaData database) throws SQLException {
        System.out.println("product: " + database.getDatabaseProductName() + ", read only: " + database.isReadOnly());
        System.out.println("catalogs: " + column(database.getCatalogs(), "TABLE_CAT"));
        System.out.println("schemas: " + column(database.getSchemas(), "TABLE_SCHEM"));
        System.out.println("types: " + column(database.getTableTypes(), "TABLE_TYPE"));
        System.out.println("tables: " + column(database.getTables(null, "history", "%", null), "TABLE_NAME"));
        System.out.println("columns: " + column(database.getColumns(null, "history", "bars", "%"), "COLUMN_NAME"));
        System.out.println("key: " + column(database.getPrimaryKeys(null, "history", "bars"), "COLUMN_NAME"));
        System.out.println("foreign: " + column(database.getImportedKeys(null, "history", "bars"), "FKCOLUMN_NAME"));
    }

    private static TreeSet<String> column(ResultSet rows, String name) throws SQLException {
        TreeSet<String> found = new TreeSet<>();
        try (rows) {
            while (rows.next()) {
                found.add(rows.getString(name));
            }
        }
        return found;
    }

    private static void print(String what, ResultSet rows) throws SQLException {
        int columns = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            StringBuilder line = new StringBuilder(what).append(":");
            for (int column = 1; column <= columns; column++) {
                line.append(column == 1 ? " " : ", ").append(rows.getObject(column));
            }
            System.out.println(line);
        }
    }
}
