using SemAim.Runtime.Data;

namespace SemAim.Runtime.Tests.Data;

/// <summary>Allocations are counted for the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneInTheProcess
{
    internal const string Name = "alone in the process";
}

/// <summary>What a picture costs in managed memory.</summary>
[Collection(AloneInTheProcess.Name)]
public sealed class LoaderAllocationTests : IDisposable
{
    private const int Size = 48;
    private readonly SixtyPictures pictures = new();
    private readonly string root;

    public LoaderAllocationTests() => root = pictures.Root;

    public void Dispose() => pictures.Dispose();

    [Fact]
    public void A_picture_costs_less_than_a_kilobyte_of_managed_memory()
    {
        using var source = FileSource.FromFolder(Path.Combine(root, "train"));
        var options = new TrainingOptions(42, Size, RandAugment: new RandAugmentOptions(), ErasingProbability: 0.25);
        using var loader = new RingLoader(source, new TrainingPlan(source.Count, 8, 0, 1, 42, 16), () => new TrainingPipeline(options), new RingOptions(2, 3, Size, 8, 42));
        for (var i = 0; i < 3 * 7; i++) loader.Take()!.Return();           // buffers have grown to the largest picture
        var (before, pictures) = (GC.GetTotalAllocatedBytes(precise: true), 0);
        for (var i = 0; i < 9 * 7; i++)
        {
            var batch = loader.Take()!;
            pictures += batch.Rows;
            batch.Return();
        }

        Assert.InRange((GC.GetTotalAllocatedBytes(precise: true) - before) / (double)pictures, 0, 1000);
    }
}
