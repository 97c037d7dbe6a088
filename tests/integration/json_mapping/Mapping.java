// Java: com.google.protobuf.util.JsonFormat. Arguments: descriptor set, folder, count of events.
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.DescriptorProtos.FileDescriptorSet;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

public class Mapping {
  // adapter
  static JsonObject workmailEvent(Message event) throws InvalidProtocolBufferException {
    JsonObject given = JsonParser.parseString(JsonFormat.printer().print(event)).getAsJsonObject();
    JsonObject envelope = given.getAsJsonObject("envelope");
    setDefault(envelope.getAsJsonObject("mailFrom"), "address", new JsonPrimitive(""));
    setDefault(envelope, "recipients", new JsonArray());
    setDefault(given, "truncated", new JsonPrimitive(false));
    setDefault(given, "sender", JsonNull.INSTANCE);
    setDefault(given, "subject", JsonNull.INSTANCE);
    JsonObject inOrder = new JsonObject();
    for (String key : new String[] {"summaryVersion", "envelope", "truncated", "sender", "subject",
        "messageId", "invocationId", "flowDirection"}) {
      inOrder.add(key, given.get(key));
    }
    return inOrder;
  }

  static void setDefault(JsonObject object, String key, JsonElement value) {
    if (!object.has(key)) object.add(key, value);
  }
  // end

  static Descriptor eventType(Path set) throws Exception {
    Map<String, FileDescriptor> built = new HashMap<>();
    for (FileDescriptorProto file : FileDescriptorSet.parseFrom(Files.readAllBytes(set)).getFileList()) {
      FileDescriptor[] imports =
          file.getDependencyList().stream().map(built::get).toArray(FileDescriptor[]::new);
      built.put(file.getName(), FileDescriptor.buildFrom(file, imports));
    }
    return built.get("penstock/v1/hook.proto").findMessageTypeByName("Event");
  }

  public static void main(String[] arguments) throws Exception {
    Descriptor type = eventType(Path.of(arguments[0]));
    Path folder = Path.of(arguments[1]);
    for (int number = 0; number < Integer.parseInt(arguments[2]); ++number) {
      Message event = DynamicMessage.parseFrom(type, Files.readAllBytes(folder.resolve(number + ".pb")));
      Files.writeString(folder.resolve(number + ".java.standard.json"),
          JsonFormat.printer().omittingInsignificantWhitespace().print(event));
      Files.writeString(folder.resolve(number + ".java.adapted.json"),
          new GsonBuilder().serializeNulls().create().toJson(workmailEvent(event)));
    }
  }
}
