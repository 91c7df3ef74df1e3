using SemAim.App.Training;
using SemAim.Runtime.Data;

namespace SemAim.App.Tests.Evaluations;

public sealed class DuplicatePicturesTests
{
    [Fact]
    public void Pictures_that_differ_in_one_byte_anywhere_are_two_and_equal_ones_one()
    {
        var (train, held) = (new Bytes(), new Bytes());
        byte[] Picture(int length, int seed) { var bytes = new byte[length]; new Random(seed).NextBytes(bytes); return bytes; }
        byte[] Changed(byte[] bytes, int at) { var other = (byte[])bytes.Clone(); other[at] ^= 1; return other; }
        var large = Picture(50_000, 1);
        train.Add(large, Picture(50_000, 2), Picture(10, 3), Picture(10, 3), []);
        held.Add(Changed(large, 0), Changed(large, 49_999), Changed(large, 25_000), large, large, Picture(10, 3), Picture(11, 4));

        Assert.Equal(3, DuplicatePictures.Count(train, held));
        Assert.Equal(0, held.WholeReads(6));                                          // no other is as long
        Assert.Equal(0, held.WholeReads(2));                                          // the middle is another
        Assert.Equal(0, train.WholeReads(1));
        Assert.Equal(1, held.WholeReads(0));                                          // only all of it tells
    }

    [Fact]
    public void What_cannot_be_read_is_in_neither()
    {
        var (train, held) = (new Bytes { Broken = 0 }, new Bytes());
        train.Add([1, 2, 3], [4, 5, 6]);
        held.Add([1, 2, 3], [4, 5, 6]);

        Assert.Equal(1, DuplicatePictures.Count(train, held));
    }

    private sealed class Bytes : ISampleSource
    {
        private readonly List<byte[]> files = [];
        private readonly List<int> reads = [];

        internal int Broken { get; init; } = -1;

        public int Count => files.Count;

        public IReadOnlyList<string> Classes => [];

        internal void Add(params byte[][] more) => files.AddRange(more);

        internal int WholeReads(int index) => reads.Count(r => r == index);

        public int Label(int index) => -1;

        public string Name(int index) => $"{index}";

        public long? Length(int index) => files[index].Length;

        public int ReadPart(int index, long offset, Span<byte> part)
        {
            if (index == Broken) throw new IOException("broken");
            var rest = files[index].AsSpan((int)offset);
            rest[..Math.Min(part.Length, rest.Length)].CopyTo(part);
            return Math.Min(part.Length, rest.Length);
        }

        public int Read(int index, ref byte[] buffer)
        {
            if (index == Broken) throw new IOException("broken");
            reads.Add(index);
            if (buffer.Length < files[index].Length) buffer = new byte[files[index].Length];
            files[index].CopyTo(buffer, 0);
            return files[index].Length;
        }

        public void Dispose() { }
    }
}
