using System.Text;
using SemAim.Runtime.Logging;

namespace SemAim.App.Tests;

/// <summary>Reads TensorBoard's event files as TensorBoard does: records with their checksums, of each message the fields that scalars have.</summary>
internal static class EventFileReader
{
    /// <summary>All scalars of a folder's files, in the order of their names.</summary>
    internal static IReadOnlyList<(string Tag, long X, float Value)> Read(string folder)
        => [.. Directory.GetFiles(folder, "events.out.tfevents.*").Order(StringComparer.Ordinal).SelectMany(f => Records(File.ReadAllBytes(f))).SelectMany(Scalars)];

    private static IEnumerable<byte[]> Records(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BitConverter.ToUInt64(bytes, at);
            Assert.Equal(EventFile.Masked(bytes.AsSpan(at, 8)), BitConverter.ToUInt32(bytes, at + 8));
            Assert.Equal(EventFile.Masked(bytes.AsSpan(at + 12, length)), BitConverter.ToUInt32(bytes, at + 12 + length));
            yield return bytes[(at + 12)..(at + 12 + length)];
            at += 16 + length;
        }
    }

    // Event { wall_time = 1, step = 2, file_version = 3, summary = 5 }; Summary { value = 1 }; Value { tag = 1, simple_value = 2 }
    private static IEnumerable<(string, long, float)> Scalars(byte[] message)
    {
        var fields = Fields(message).ToList();
        var x = fields.Where(f => f.Number == 2).Select(f => (long)f.Varint).FirstOrDefault();
        foreach (var summary in fields.Where(f => f.Number == 5))
            foreach (var value in Fields(summary.Bytes).Where(f => f.Number == 1))
            {
                var parts = Fields(value.Bytes).ToDictionary(f => f.Number);
                yield return (Encoding.UTF8.GetString(parts[1].Bytes), x, BitConverter.ToSingle(parts[2].Bytes));
            }
    }

    private static IEnumerable<(int Number, ulong Varint, byte[] Bytes)> Fields(byte[] message)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message, ref at);
            var (number, kind) = ((int)(key >> 3), (int)(key & 7));
            if (kind == 0)
            {
                yield return (number, Varint(message, ref at), []);
                continue;
            }
            var length = kind switch { 1 => 8, 5 => 4, 2 => (int)Varint(message, ref at), _ => throw new InvalidDataException($"wire type {kind}") };
            yield return (number, 0, message[at..(at + length)]);
            at += length;
        }
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80) return value;
        }
    }
}
