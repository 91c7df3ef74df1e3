using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace SemAim.Runtime.Logging;

/// <summary>TensorBoard's event file: scalars by tag and x, readable while the run goes on.</summary>
/// <remarks>Records are length, masked CRC-32C of the length, an <c>Event</c> message, masked CRC-32C of the message; integers little-endian.</remarks>
public sealed class EventFile : IDisposable
{
    private readonly RecordFile file;
    private readonly TimeProvider time;

    /// <summary>Starts a new file <c>events.out.tfevents.SECONDS.NUMBER</c> in a folder; a run that goes on adds one, which TensorBoard reads after the others.</summary>
    /// <param name="folder">made where it is missing</param>
    /// <param name="time">the clock of the records; null: the system's</param>
    /// <param name="tell">gets one line when a full disk begins to cost records and one when it no longer does; null: a refusal is thrown</param>
    public EventFile(string folder, TimeProvider? time = null, Action<string>? tell = null)
    {
        this.time = time ?? TimeProvider.System;
        Directory.CreateDirectory(folder);
        var number = Directory.GetFiles(folder, "events.out.tfevents.*").Length;
        file = RecordFile.Open(Path.Combine(folder, $"events.out.tfevents.{this.time.GetUtcNow().ToUnixTimeSeconds():D10}.{number:D4}"), FileMode.CreateNew, tell);
        Write(Event(0, 3, Encoding.UTF8.GetBytes("brain.Event:2")));
    }

    /// <summary>Adds one value; it is in the file when the call returns.</summary>
    /// <param name="tag">name of the curve</param>
    /// <param name="x">place on the x axis</param>
    /// <param name="value">stored as float32</param>
    public void Add(string tag, long x, double value)
    {
        var scalar = new MemoryStream();
        Bytes(scalar, 1, Encoding.UTF8.GetBytes(tag));
        scalar.WriteByte(2 << 3 | 5);                                                   // simple_value, 32 bits
        Span<byte> single = stackalloc byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(single, (float)value);
        scalar.Write(single);
        var summary = new MemoryStream();
        Bytes(summary, 1, scalar.ToArray());
        Write(Event(x, 5, summary.ToArray()));
    }

    private byte[] Event(long step, int field, byte[] payload)
    {
        var message = new MemoryStream();
        message.WriteByte(1 << 3 | 1);                                                  // wall_time, 64 bits
        Span<byte> seconds = stackalloc byte[8];
        BinaryPrimitives.WriteDoubleLittleEndian(seconds, time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0);
        message.Write(seconds);
        message.WriteByte(2 << 3);                                                      // step, varint
        Varint(message, (ulong)step);
        Bytes(message, field, payload);
        return message.ToArray();
    }

    private void Write(byte[] message)
    {
        var record = new byte[16 + message.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        message.CopyTo(record, 12);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + message.Length), Masked(message));
        file.Add(record);
    }

    internal static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    private static void Bytes(MemoryStream message, int field, byte[] value)
    {
        message.WriteByte((byte)(field << 3 | 2));
        Varint(message, (ulong)value.Length);
        message.Write(value);
    }

    private static void Varint(MemoryStream message, ulong value)
    {
        for (; value >= 0x80; value >>= 7) message.WriteByte((byte)(value | 0x80));
        message.WriteByte((byte)value);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();
}
