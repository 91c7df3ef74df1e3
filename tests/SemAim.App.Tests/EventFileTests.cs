using System.Text;
using SemAim.Runtime.Logging;

namespace SemAim.App.Tests;

public sealed class EventFileTests
{
    [Fact]
    public void The_checksum_is_TensorFlows_masked_Crc32C()
    {
        // CRC-32C of "123456789" is e3069283 (its published check value); masked: rotated right by 15, plus a282ead8
        Assert.Equal(unchecked((0xe3069283u >> 15 | 0xe3069283u << 17) + 0xa282ead8u), EventFile.Masked("123456789"u8));
    }

    [Fact]
    public void A_file_is_records_of_length_checksum_message_checksum()
    {
        var folder = Directory.CreateTempSubdirectory("semaim-test-").FullName;
        using (var file = new EventFile(folder)) file.Add("loss", 300, 0.5);

        var bytes = File.ReadAllBytes(Assert.Single(Directory.GetFiles(folder)));

        var messages = new List<byte[]>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BitConverter.ToUInt64(bytes, at);
            Assert.Equal(EventFile.Masked(bytes.AsSpan(at, 8)), BitConverter.ToUInt32(bytes, at + 8));
            Assert.Equal(EventFile.Masked(bytes.AsSpan(at + 12, length)), BitConverter.ToUInt32(bytes, at + 12 + length));
            messages.Add(bytes[(at + 12)..(at + 12 + length)]);
            at += 16 + length;
        }
        Assert.Equal(2, messages.Count);
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(messages[0][^13..]));
        // step 300 as a varint; summary { value { tag "loss" simple_value 0.5 } }
        Assert.Equal([0x10, 0xac, 0x02, 0x2a, 0x0d, 0x0a, 0x0b, 0x0a, 0x04, .. "loss"u8, 0x15, 0, 0, 0, 0x3f], messages[1][9..]);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_full_disk_costs_whole_records_says_so_once_and_the_log_goes_on_when_there_is_room()
    {
        var (disk, told) = (new Disk { Room = 10 }, new List<string>());
        using var file = new RecordFile(disk, "metrics.jsonl", told.Add);

        file.Add("first\n"u8);
        file.Add("second\n"u8);
        file.Add("third\n"u8);
        Assert.Equal("metrics.jsonl: a record could not be written (No space left on device); the run goes on", Assert.Single(told));
        disk.Room = 100;
        file.Add("fourth\n"u8);

        Assert.Equal("first\nfourth\n", Encoding.UTF8.GetString(disk.ToArray()));
        Assert.Equal("metrics.jsonl: written again; 2 records are missing", told[1]);
        Assert.Throws<IOException>(() => new RecordFile(new Disk { Room = 3 }, "x", null).Add("four"u8));
    }

    // takes what fits, then refuses
    private sealed class Disk : MemoryStream
    {
        internal int Room { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            base.Write(buffer[..(int)Math.Min(buffer.Length, Room - Position)]);
            if (Position >= Room) throw new IOException("No space left on device");
        }
    }
}
