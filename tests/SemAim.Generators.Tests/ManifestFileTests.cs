using SemAim.Generators.Analyze;

namespace SemAim.Generators.Tests;

/// <summary>Manifests of checkpoints as additional files.</summary>
public sealed class ManifestFileTests
{
    [Fact]
    public void Keys_and_shapes_are_read_and_the_file_s_name_is_the_variant_s()
    {
        var file = ManifestFile.Parse("/a/b/aim_base.manifest.json", "[\n  { \"key\": \"cls_token\", \"shape\": [1, 1, 768], \"dtype\": \"F32\" },\n {\"key\":\"x\",\"shape\":[],\"dtype\":\"F32\"} ]\n");

        Assert.NotNull(file);
        Assert.Equal("aim_base", file.Name);
        Assert.Equal(["cls_token", "x"], file.Tensors.Select(t => t.Key));
        Assert.Equal([1L, 1L, 768L], file.Tensors[0].Shape);
        Assert.Empty(file.Tensors[1].Shape);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[{\"key\":\"x\",\"shape\":[1,2")]
    [InlineData("[{\"key\":\"x\",\"shape\":[-1]}]")]
    [InlineData("[{\"key\":\"x\",\"shape\":[99999999999999999999]}]")]
    [InlineData("[{\"key\":\"x\",\"shape\":[1,1,1,1,1,1,1,1,1]}]")]
    [InlineData("[{\"shape\":[1]}]")]
    [InlineData("[{\"key\":\"a\\\"b\",\"shape\":[1]}]")]
    [InlineData("[{\"key\":\"x\",\"shape\":[1]}] trailing")]
    [InlineData("[[[[[[[[[[[[")]
    public void What_is_none_is_refused(string text)
    {
        Assert.Null(ManifestFile.Parse("a.manifest.json", text));
        Assert.Null(ManifestFile.Parse("a.json", "[]"));
    }
}
